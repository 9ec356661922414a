import Contracts

/// What makes two requests the same: an integrator's id is unique within its tenant.
public struct EventKey: Hashable, Comparable, Sendable {
    public let tenant: TenantID
    public let eventID: EventID

    public init(tenant: TenantID, eventID: EventID) {
        self.tenant = tenant
        self.eventID = eventID
    }

    public static func < (left: EventKey, right: EventKey) -> Bool {
        (left.tenant, left.eventID) < (right.tenant, right.eventID)
    }

    public init(_ snapshot: RequestSnapshot) { self.init(tenant: snapshot.tenant, eventID: snapshot.eventID) }
}
