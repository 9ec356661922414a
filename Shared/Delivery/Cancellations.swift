import Contracts

/// Which requests were cancelled, so that nothing is computed for them any more.
public protocol Cancellations: Sendable {
    /// Returns once every cancellation that was there before is known, or a stop came first.
    func prepare() async

    func contains(_ request: Request.ID) -> Bool
}

/// Nobody has cancelled anything.
public struct NoCancellations: Cancellations {
    public init() {}

    public func prepare() async {}

    public func contains(_ request: Request.ID) -> Bool { false }
}
