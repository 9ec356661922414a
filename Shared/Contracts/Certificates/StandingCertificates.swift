import JSON

/// The certificates of a task that stand: for each pair of models the last one, unless it was revoked. Where there is none,
/// workers escalate everything.
public struct StandingCertificates: Sendable, Equatable {
    /// Of one certificate. A certificate that more tenants may not use is revoked for everybody, so that the message has a
    /// bound: 500 names of 256 bytes, each byte escaped, are 768 kB.
    public static let mostRevokedTenants = 500

    /// How often what stands is published, also when nothing has changed.
    public static let publicationInterval = Duration.seconds(15)
    /// How long a publication holds, counted by its reader from the moment of reading: three further publications are
    /// missed by then, and the fourth is due. A broker that is away for less than three intervals ends nothing.
    /// - Source: infra/decisions/0032-certificates-expire.md
    public static let lifetime = publicationInterval * 4

    public var route: Route
    public var certificates: [Certificate]
    /// Tenants whose traffic escalates in spite of a certificate that stands.
    public var revokedTenants: [Certificate.ID: Set<TenantID>]

    public init(
        route: Route, certificates: [Certificate], revokedTenants: [Certificate.ID: Set<TenantID>] = [:]
    ) {
        self.route = route
        self.certificates = certificates
        self.revokedTenants = revokedTenants
    }

    /// - Shape: `{"capability", "task", "certificates": […], "revoked"?: [{"certificate", "tenants": […]}]}`
    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.object { body in
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.name("certificates")
            body.array(certificates) { writer, certificate in certificate.write(to: &writer) }
            guard !revokedTenants.isEmpty else { return }
            body.name("revoked")
            body.array(revokedTenants.sorted { $0.key < $1.key }) { writer, entry in
                writer.object { body in
                    body.member("certificate", entry.key.description)
                    body.name("tenants")
                    body.array(entry.value.map(\.rawValue).sorted()) { writer, tenant in writer.string(tenant) }
                }
            }
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            StandingCertificates(
                route: try Contract.route(body),
                certificates: try body.list("certificates") { try Certificate(json: $0) },
                revokedTenants: Dictionary(try body.list("revoked") { try Self.revocation($0) }) { $0.union($1) })
        }
    }

    private static func revocation(_ body: JSONValue) throws -> (Certificate.ID, Set<TenantID>) {
        guard let id = Certificate.ID(try body.required("certificate", in: "revoked")) else {
            throw ContractError(.wrongType, "revoked.certificate is no certificate's id")
        }
        let tenants = try body.list("tenants", in: "revoked") { tenant in
            guard let name = tenant.string else {
                throw ContractError(.wrongType, "revoked.tenants must hold strings")
            }
            return TenantID(rawValue: name)
        }
        return (id, Set(tenants))
    }
}
