import JSON

extension Request {
    /// Decodes the data of a request record and checks every limit.
    /// - Parameter catalog: the routes that the request may name.
    /// - Throws: `ContractError`, which names the field and never quotes its value.
    public static func decode(
        _ bytes: [UInt8], eventID: EventID, tenant: TenantID, deadline: Timestamp?, catalog: Catalog
    ) throws -> Request {
        guard bytes.count <= Limits.requestBytes else {
            throw ContractError(.tooLarge, "the request has \(bytes.count) bytes; at most \(Limits.requestBytes)")
        }
        return try Contract.parsed(bytes) { body in
            guard body.kind == .object else { throw ContractError(.wrongType, "the request must be a JSON object") }
            let request = Request(
                eventID: eventID, tenant: tenant, channel: try channel(of: body), text: try body.text("text"),
                attachments: try attachments(of: body), steps: try steps(of: body, catalog),
                deadline: try earlier(deadline, bodyDeadline(of: body)))
            try request.validate()
            try request.validateSelections(catalog)
            return request
        }
    }

    /// Encodes the data of a request record. The id, the tenant and the deadline are in the record's headers.
    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.object { body in
            body.member("channel", channel.rawValue)
            body.member("text", text)
            if !attachments.isEmpty {
                body.name("attachments")
                body.array(attachments) { writer, attachment in
                    writer.object {
                        $0.member("name", attachment.name)
                        $0.member("mediaType", attachment.mediaType)
                        $0.member("text", attachment.text)
                    }
                }
            }
            if !steps.isEmpty {
                body.name("steps")
                body.array(steps) { writer, step in step.write(to: &writer) }
            }
        }
        return writer.bytes
    }

    private static func channel(of body: JSONValue) throws -> Channel {
        guard let name = try body.text("channel") else { return body["steps"] == nil ? .human : .machine }
        guard let channel = Channel(rawValue: name) else {
            throw ContractError(.unknownChannel, "channel must be \"human\" or \"machine\"")
        }
        return channel
    }

    private static func bodyDeadline(of body: JSONValue) throws -> Timestamp? {
        guard let text = try body.text("deadline") else { return nil }
        guard let deadline = Timestamp(rfc3339: text) else {
            throw ContractError(.wrongType, "deadline must be an RFC 3339 time such as 2030-01-31T12:00:00Z")
        }
        return deadline
    }

    private static func earlier(_ left: Timestamp?, _ right: Timestamp?) -> Timestamp? {
        guard let left, let right else { return left ?? right }
        return min(left, right)
    }

    private static func attachments(of body: JSONValue) throws -> [Attachment] {
        try body.list("attachments") { value in
            Attachment(
                name: try value.required("name", in: "attachments"),
                mediaType: try value.text("mediaType", in: "attachments") ?? "text/plain",
                text: try value.required("text", in: "attachments"))
        }
    }

    private static func steps(of body: JSONValue, _ catalog: Catalog) throws -> [RequestedStep] {
        try body.list("steps") { try RequestedStep(json: $0, catalog) }
    }
}

extension RequestedStep {
    init(json value: JSONValue, _ catalog: Catalog) throws {
        let capability = try value.required("capability", in: "steps")
        let task = try value.required("task", in: "steps")
        let route = Route(Capability(rawValue: capability), task)
        guard catalog[route] != nil else {
            throw ContractError(.unknownRoute, "steps: unknown capability/task; known: \(catalog.knownRoutes)")
        }
        let items = try value.list("items", in: "steps") { try RequestedItem(json: $0) }
        let dependsOn = try value.list("dependsOn", in: "steps") { index in
            guard let index = index.integer else {
                throw ContractError(.wrongType, "steps.dependsOn must hold indices of steps")
            }
            return index
        }
        self.init(route: route, items: items, dependsOn: dependsOn)
    }

    func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.name("items")
            body.array(items) { $1.write(to: &$0) }
            if !dependsOn.isEmpty {
                body.name("dependsOn")
                body.array(dependsOn) { $0.integer($1) }
            }
        }
    }
}

extension Request {
    /// - Throws: `ContractError` for the first violated rule.
    public func validate() throws(ContractError) {
        switch channel {
        case .human: try validateText()
        case .machine: try validatePlan()
        }
    }

    private func validateText() throws(ContractError) {
        guard steps.isEmpty else {
            throw ContractError(.invalidPlan, "a human request must not have steps; use channel \"machine\"")
        }
        guard text != nil || !attachments.isEmpty else { throw ContractError(.missingField, "text is missing") }
        guard text?.isBlank != true || !attachments.isEmpty else { throw ContractError(.emptyText, "text is empty") }
        guard attachments.allSatisfy({ !$0.name.isBlank && !$0.text.isBlank }) else {
            throw ContractError(.emptyText, "attachments: name and text must not be empty")
        }
        guard attachments.allSatisfy({ $0.name.utf8.count <= Limits.identifierBytes }) else {
            throw ContractError(.tooLarge, "attachments: a name has more than \(Limits.identifierBytes) bytes")
        }
        guard attachments.allSatisfy({ MediaType($0.mediaType).isText }) else {
            throw ContractError(
                .unsupportedMediaType,
                "attachments: mediaType must be a text type, such as text/plain, text/markdown or application/json")
        }
    }

    private func validatePlan() throws(ContractError) {
        guard text == nil, attachments.isEmpty else {
            throw ContractError(
                .invalidPlan, "a machine request must have its items in steps, not in text or attachments")
        }
        guard !steps.isEmpty else { throw ContractError(.missingField, "steps is missing or empty") }
        guard steps.count <= Limits.stepsPerPlan else {
            throw ContractError(.tooLarge, "the plan has \(steps.count) steps; at most \(Limits.stepsPerPlan)")
        }
        for (index, step) in steps.enumerated() {
            guard !step.items.isEmpty else { throw ContractError(.missingField, "steps[\(index)].items is empty") }
            guard step.items.count <= Limits.itemsPerStep else {
                throw ContractError(
                    .tooLarge, "steps[\(index)] has \(step.items.count) items; at most \(Limits.itemsPerStep)")
            }
            guard !step.items.contains(where: \.isBlankText) else {
                throw ContractError(.emptyText, "steps[\(index)].items contains an empty text")
            }
            guard step.dependsOn.allSatisfy({ steps.indices.contains($0) && $0 != index }) else {
                throw ContractError(.invalidPlan, "steps[\(index)].dependsOn must name other steps of the plan")
            }
            try validateReferences(ofStep: index)
        }
        guard isAcyclic else { throw ContractError(.invalidPlan, "steps depend on each other in a cycle") }
    }

    /// Kahn's algorithm: a plan is acyclic if steps without open dependencies can be removed until no step is left.
    private var isAcyclic: Bool {
        var open = Set(steps.indices)
        let dependencies = steps.map(\.dependencies)
        while let ready = open.first(where: { step in dependencies[step].allSatisfy { !open.contains($0) } }) {
            open.remove(ready)
        }
        return open.isEmpty
    }
}

extension RequestedItem {
    fileprivate var isBlankText: Bool { if case .text(let text) = self { text.isBlank } else { false } }
}

extension String {
    /// Whether the text is empty or only white space.
    package var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }
}
