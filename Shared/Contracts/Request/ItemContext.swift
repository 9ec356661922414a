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

    /// - Throws: `ContractError`
    init(json value: JSONValue) throws {
        self.init(
            before: try value.text("before", in: "context") ?? "", after: try value.text("after", in: "context") ?? "",
            request: try value.text("request", in: "context"))
    }
}
