import Contracts

/// What makes two requests the same: an integrator's id is unique within its tenant.
public struct EventKey: Hashable, Sendable {
    public let tenant: TenantID
    public let eventID: String

    public init(tenant: TenantID, eventID: String) {
        self.tenant = tenant
        self.eventID = eventID
    }

    public init(_ snapshot: RequestSnapshot) { self.init(tenant: snapshot.tenant, eventID: snapshot.eventID) }
}
