/// The signature of a record, and the headers that it covers.
public enum SignedHeaders {
    /// Lower-case hexadecimal.
    private static let signature = "winnow_signature"

    public static func signature(of record: Record) -> String? { record.headers[signature] }

    public static func header(_ text: String) -> Header { Header(signature, text: text) }

    /// The event's attributes in the order of their names. Other headers are left out, since a redelivery adds some.
    public static func covered(_ headers: [Header]) -> [(name: [UInt8], value: [UInt8]?)] {
        headers.filter { $0.name.hasPrefix("ce_") }.map { (name: Array($0.name.utf8), value: $0.value) }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}
