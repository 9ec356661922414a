/// One column of many rows, written straight into the binary array that `unnest` takes.
///
/// Binary and not text: nothing has to be quoted, and the server copies instead of parsing.
struct PostgresArray<Element: PostgresValue> {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    /// - Source: PostgreSQL, arrayfuncs.c, array_recv: dimensions, has-nulls flag, element type; length and lower bound
    init(reservingCapacity capacity: Int = 0) {
        bytes.reserveCapacity(20 + capacity * 20)
        bytes.append(bigEndian: Int32(1))
        bytes.append(bigEndian: Int32(1))
        bytes.append(bigEndian: Element.typeID)
        bytes.append(bigEndian: Int32(0))
        bytes.append(bigEndian: Int32(1))
    }

    init(_ elements: some Collection<Element>) {
        self.init(reservingCapacity: elements.count)
        for element in elements { append(element) }
    }

    mutating func append(_ element: Element) {
        let start = bytes.count
        bytes.append(bigEndian: Int32(0))
        element.encode(into: &bytes)
        bytes.replace(at: start, bigEndian: Int32(bytes.count - start - 4))
        count += 1
    }

    mutating func append(_ element: Element?) {
        if let element { return append(element) }
        bytes.append(bigEndian: Int32(-1))
        count += 1
    }

}
