import CCrypto

/// - Source: FIPS 180-4
public enum SHA256 {
    /// 32 bytes.
    public static func bytes(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            // It fails only where libcrypto lacks the hash.
            let isDone = EVP_Digest(bytes.baseAddress, bytes.count, buffer.baseAddress, nil, EVP_sha256(), nil)
            precondition(isDone == 1, "libcrypto has no SHA-256")
            count = 32
        }
    }

    /// 64 lower-case hexadecimal digits.
    public static func hex(_ bytes: UnsafeRawBufferPointer) -> String { Hex.text(self.bytes(bytes)) }
}
