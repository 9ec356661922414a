import Contracts
import Store

/// A request that was asked for by one of its ids.
public struct FoundRequest: Sendable, Equatable {
    public let id: Request.ID
    public let tenant: TenantID
    public let state: RequestSnapshot.State
}
