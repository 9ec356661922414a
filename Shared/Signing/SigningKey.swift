import Crypto
import MessageBus
import Settings

/// The key that all processes of a suite share. A holder of the key can control the processes.
public struct SigningKey: Sendable {
    /// - Units: bytes. A key shorter than the hash would weaken it.
    public static let sizes = 32...4096

    private let bytes: [UInt8]

    /// - Returns: `nil` unless the number of bytes is in `sizes`.
    public init?(_ bytes: [UInt8]) {
        guard Self.sizes.contains(bytes.count) else { return nil }
        self.bytes = bytes
    }

    /// - Default: none: nothing is signed, and nothing is checked. Key: `WINNOW_SIGNING_KEY_FILE`, a file of 32 bytes
    ///   or more; trailing line breaks are not part of the key.
    /// - Throws: `SettingsError` if the file cannot be read or is too short.
    public static func read(_ reader: inout SettingsReader) throws(SettingsError) -> SigningKey? {
        let name = "WINNOW_SIGNING_KEY_FILE"
        guard let path = reader.optional(name) else { return nil }
        var bytes: [UInt8]
        do {
            bytes = try SmallFile.read(path)
        } catch {
            throw SettingsError(name, "names a file that cannot be read: \(error.reason)")
        }
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard let key = SigningKey(bytes) else {
            throw SettingsError(
                name,
                "must name a file of \(sizes.lowerBound) to \(sizes.upperBound) bytes, such as: openssl rand -hex 32")
        }
        return key
    }

    /// HMAC-SHA256 over the topic, the key, every `ce_` header in the order of their names, and the value.
    ///
    /// Each part is preceded by its length, so that two different records never give the same bytes.
    /// - Source: RFC 2104; FIPS 180-4
    func signature(topic: String, key: [UInt8]?, value: [UInt8]?, headers: [Header]) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(512 + (value?.count ?? 0))
        func append(_ part: [UInt8]?) {
            // A missing part differs from an empty part.
            let length = part.map { Int64($0.count) } ?? -1
            withUnsafeBytes(of: length.bigEndian) { message.append(contentsOf: $0) }
            if let part { message.append(contentsOf: part) }
        }
        append(Array(topic.utf8))
        append(key)
        for header in SignedHeaders.covered(headers) {
            append(header.name)
            append(header.value)
        }
        append(nil)
        append(value)
        return HMAC.bytes(of: message, key: bytes)
    }
}
