import CKernels

/// The digest that cards name files by.
public enum SHA256 {
    /// 32 bytes.
    public static func bytes(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            winnow_sha256(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, buffer.baseAddress)
            count = 32
        }
    }

    /// 64 lower-case hexadecimal digits.
    public static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
        self.bytes(bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
