import Contracts
import WorkerKit

/// Certificates that are known from the start.
public struct KnownCertificates: Certificates {
    private let sureFrom: Double?

    /// - Parameter sureFrom: of every task; `nil` where none is certified.
    public init(sureFrom: Double?) { self.sureFrom = sureFrom }

    public func prepare() async {}

    public func certificate(_ route: Route) -> Certificate? { sureFrom.map { .of(route, sureFrom: $0) } }
}
