import JSON

/// Every certificate of a task that stands: for each pair of models the last one, unless it was revoked. None: whoever
/// works on the task escalates everything.
public struct StandingCertificates: Sendable, Equatable {
    public var route: Route
    public var certificates: [Certificate]

    public init(route: Route, certificates: [Certificate]) {
        self.route = route
        self.certificates = certificates
    }

    /// - Shape: `{"capability", "task", "certificates": […]}`
    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.object { body in
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.name("certificates")
            body.array(certificates) { writer, certificate in certificate.write(to: &writer) }
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            StandingCertificates(
                route: try Contract.route(body),
                certificates: try body.list("certificates") { try Certificate(json: $0) })
        }
    }
}
