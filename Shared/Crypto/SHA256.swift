import CCrypto
import Contracts

/// - Source: FIPS 180-4
public enum SHA256 {
    /// Returns 32 bytes.
    public static func bytes(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            // This fails only if libcrypto lacks the hash.
            let isDone = EVP_Digest(bytes.baseAddress, bytes.count, buffer.baseAddress, nil, EVP_sha256(), nil)
            precondition(isDone == 1, "libcrypto has no SHA-256")
            count = 32
        }
    }

    /// Returns 64 lower-case hexadecimal digits.
    public static func hex(_ bytes: UnsafeRawBufferPointer) -> String { Hex.text(self.bytes(bytes)) }
}

/// HMAC-SHA256.
/// - Source: RFC 2104
public enum HMAC {
    /// Returns 32 bytes.
    public static func bytes(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            let start = CCrypto.HMAC(
                EVP_sha256(), key, Int32(key.count), message, message.count, buffer.baseAddress, nil)
            precondition(start != nil, "libcrypto has no SHA-256")
            count = 32
        }
    }

    /// Compares in constant time for inputs of equal length.
    public static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
    }
}
