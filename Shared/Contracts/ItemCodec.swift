import JSON

extension Item {
    public func writeMembers(to body: inout JSONWriter, withText: Bool = true) {
        if withText { body.member("text", text) }
        body.optional("span", span) { writer, span in
            writer.array([span.start, span.end]) { $0.integer($1) }
        }
        body.member("source", source)
    }

    public init(json value: JSONValue) throws {
        let span = try value.list("span", in: "items") { $0.integer ?? -1 }
        guard span.isEmpty || (span.count == 2 && 0 <= span[0] && span[0] <= span[1]) else {
            throw ContractError(.wrongType, "items.span must be [start, end]")
        }
        self.init(
            text: try value.required("text", in: "items"), span: span.isEmpty ? nil : Span(span[0], span[1]),
            source: try value.text("source", in: "items"))
    }

    /// The items of a step as they are stored.
    public static func encode(_ items: [Item]) -> [UInt8] {
        var writer = JSONWriter()
        writer.array(items) { writer, item in writer.object { item.writeMembers(to: &$0) } }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public static func decode(_ bytes: some Sequence<UInt8>) throws -> [Item] {
        try Contract.readList(bytes) { try Item(json: $0) }
    }
}
