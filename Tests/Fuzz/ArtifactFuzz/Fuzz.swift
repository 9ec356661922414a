import Glibc

@testable import Inference

/// Reads any bytes as a `.safetensors` file: either every tensor can be read to its last byte, or the file is refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    // The reader maps files. This file is in memory, and is unlinked once it is mapped.
    let path = "/dev/shm/winnow-fuzz-\(getpid())"
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { return 0 }
    defer {
        close(descriptor)
        unlink(path)
    }
    guard write(descriptor, start, count) == count else { return 0 }
    guard let file = try? MappedFile(path), let tensors = try? SafeTensors(file) else { return 0 }
    var sum: UInt64 = 0
    for tensor in tensors.tensors.values {
        for byte in tensors.bytes(of: tensor) { sum &+= UInt64(byte) }
    }
    return sum == .max ? 1 : 0
}
