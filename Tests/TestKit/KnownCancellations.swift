import Contracts
import WorkerKit

/// Cancellations that are known from the start.
public struct KnownCancellations: Cancellations {
    private let requests: Set<Request.ID>

    public init(_ requests: Request.ID...) { self.requests = Set(requests) }

    public func prepare() async {}

    public func contains(_ request: Request.ID) -> Bool { requests.contains(request) }
}
