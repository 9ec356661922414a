import Models
import Settings

/// Where the key of an endpoint is. It is read for each call and kept nowhere else, so that a new key needs no restart,
/// and no log, error or memory dump of the configuration can show it.
struct APIKey: Equatable, Sendable {
    /// - Units: bytes. Real keys have some hundred.
    private static let mostBytes = 8 << 10

    let file: String
    /// The header field that carries it.
    let field: String

    /// - Throws: `KeyError`
    func read() throws(KeyError) -> HTTPRequest.Field {
        var bytes: [UInt8]
        do {
            bytes = try SmallFile.read(file, limit: Self.mostBytes)
        } catch {
            throw KeyError(reason: error.reason)
        }
        while let last = bytes.last, last == 0x0A || last == 0x0D || last == 0x20 { bytes.removeLast() }
        // Anything else would let the file write header fields of its own.
        guard !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw KeyError(reason: "must hold one line of printable ASCII without spaces")
        }
        let key = String(decoding: bytes, as: UTF8.self)
        return HTTPRequest.Field(name: field, value: isBearer ? "Bearer \(key)" : key)
    }

    /// Whether there is no such file at all, as on a machine that asks no endpoint.
    var isAbsent: Bool { !SmallFile.exists(file) }

    private var isBearer: Bool { field.lowercased() == "authorization" }

    struct KeyError: Error, Equatable {
        let reason: String
    }
}
