import JSON

/// The valid certificates of a task: the latest one of each pair of models, unless it was revoked. Without a valid
/// certificate, workers escalate every item.
public struct StandingCertificates: Sendable, Equatable {
    /// The largest number of revoked tenants of one certificate. If more tenants are revoked, the certificate is
    /// revoked for all tenants. This bounds the message: 500 names of 256 bytes, with each byte escaped, take 768 kB.
    public static let mostRevokedTenants = 500

    /// The interval at which valid certificates are published, even if nothing has changed.
    public static let publicationInterval = Duration.seconds(15)
    /// How long a publication is valid. The reader counts from the moment at which it reads the message. When the
    /// lifetime ends, three further publications were missed and the fourth is due, so a broker outage of less than
    /// three intervals ends no certificate.
    /// - Source: infra/decisions/0032-certificates-expire.md
    public static let lifetime = publicationInterval * 4

    public var route: Route
    public var certificates: [Certificate]
    /// Tenants whose items escalate although the certificate is valid for others.
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
            throw ContractError(.wrongType, "revoked.certificate is not a certificate id")
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
