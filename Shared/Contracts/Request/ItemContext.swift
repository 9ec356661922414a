import JSON

/// What stands around an item, for a model that is asked where the item belongs: what a part of a text is depends on its
/// neighbours, and on what the request wants done with it.
public struct ItemContext: Sendable, Hashable {
    /// The most bytes of each text around an item.
    public static let mostBytes = 384

    /// The end of the text before the item in its source, as it stands there.
    public var before: String
    /// The beginning of the text behind it.
    public var after: String
    /// The beginning of the request's own text, if the item is far from it or in an attachment.
    public var request: String?

    public init(before: String, after: String, request: String? = nil) {
        self.before = before
        self.after = after
        self.request = request
    }
}

extension ItemContext {
    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.member("before", before)
            $0.member("after", after)
            $0.member("request", request)
        }
    }

    /// - Throws: `ContractError`, also for a text that is too long.
    init(json value: JSONValue) throws {
        func text(_ name: StaticString) throws -> String? {
            guard let text = try value.text(name, in: "context") else { return nil }
            guard text.utf8.count <= Self.mostBytes else {
                throw ContractError(.tooLarge, "context.\(name) has more than \(Self.mostBytes) bytes")
            }
            return text
        }
        self.init(before: try text("before") ?? "", after: try text("after") ?? "", request: try text("request"))
    }
}
