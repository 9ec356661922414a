/// A statement with its values apart: `\(x)` in its literal is a bind `$n`, never text.
struct SQL: ExpressibleByStringInterpolation, Sendable {
    private(set) var text: String
    /// The binds, one behind the other in binary format.
    private(set) var values: [UInt8]
    private(set) var binds: [Bind]
    /// What faults and logs call it.
    private(set) var name: StaticString = "statement"

    struct Bind: Sendable {
        let typeID: UInt32
        /// `nil` for NULL.
        let range: Range<Int>?
    }

    init(stringLiteral text: String) { (self.text, values, binds) = (text, [], []) }

    init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        values = stringInterpolation.values
        binds = stringInterpolation.binds
    }

    func named(_ name: StaticString) -> SQL {
        var sql = self
        sql.name = name
        return sql
    }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""
        fileprivate var values: [UInt8] = []
        fileprivate var binds: [Bind] = []

        init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 3)
            binds.reserveCapacity(interpolationCount)
        }

        mutating func appendLiteral(_ literal: String) { text += literal }

        mutating func appendInterpolation<Value: PostgresValue>(_ value: Value?) {
            let start = values.count
            value?.encode(into: &values)
            bind(Value.typeID, value == nil ? nil : start..<values.count)
        }

        mutating func appendInterpolation<Element>(_ array: PostgresArray<Element>) {
            let start = values.count
            values.append(contentsOf: array.bytes)
            values.replace(at: start + 12, bigEndian: Int32(array.count))
            bind(Element.arrayTypeID, start..<values.count)
        }

        /// An identifier, quoted; for the few statements that name an object chosen at run time.
        mutating func appendInterpolation(identifier: String) {
            text += "\"" + identifier.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            text += "\""
        }

        private mutating func bind(_ typeID: UInt32, _ range: Range<Int>?) {
            binds.append(Bind(typeID: typeID, range: range))
            text += "$\(binds.count)"
        }
    }
}
