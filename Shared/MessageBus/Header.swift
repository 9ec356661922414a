/// A record header: UTF-8 name, value as bytes; a `nil` value is Kafka's null, names may repeat.
public struct Header: Sendable, Equatable {
    public var name: String
    public var value: [UInt8]?

    public init(_ name: String, _ value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    public init(_ name: String, text: String) { self.init(name, Array(text.utf8)) }
}

extension Array<Header> {
    /// The last header of that name as text; `nil` where there is none or it is no UTF-8.
    public subscript(_ name: String) -> String? {
        last { $0.name == name }.flatMap { $0.value }.flatMap { String(validating: $0, as: UTF8.self) }
    }
}
