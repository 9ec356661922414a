import Glibc

@testable import Inference

/// Any bytes as a `.safetensors` file: every tensor that it claims is read to its last byte, or the file is refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    // A file without a name: the reader maps files, and memory is faster than a disk.
    let descriptor = memfd_create("artifact", 0)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    guard write(descriptor, start, count) == count else { return 0 }
    guard let file = try? MappedFile("/proc/self/fd/\(descriptor)"), let tensors = try? SafeTensors(file) else { return 0 }
    var sum: UInt64 = 0
    for tensor in tensors.tensors.values {
        for byte in tensors.bytes(of: tensor) { sum &+= UInt64(byte) }
    }
    return sum == .max ? 1 : 0
}
