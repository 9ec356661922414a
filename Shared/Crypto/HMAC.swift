import CCrypto

/// HMAC-SHA256.
/// - Source: RFC 2104
public enum HMAC {
    /// 32 bytes.
    public static func bytes(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            let start = CCrypto.HMAC(
                EVP_sha256(), key, Int32(key.count), message, message.count, buffer.baseAddress, nil)
            precondition(start != nil, "libcrypto has no SHA-256")
            count = 32
        }
    }

    /// Takes as long whatever differs.
    public static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
    }
}
