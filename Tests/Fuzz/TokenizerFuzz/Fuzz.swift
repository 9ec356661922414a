@testable import Inference

/// Tokenizes any text: the ids are in the vocabulary and between the two marker tokens, and no more than requested.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    for limit in [2, 3, 16, 512] {
        let ids = FuzzedTokenizer.shared.encode(text, maxTokens: limit)
        precondition((2...limit).contains(ids.count), "\(ids.count) ids, at most \(limit) asked for")
        precondition(ids.allSatisfy { (0..<Int32(FuzzedTokenizer.pieces.count)).contains($0) }, "an unknown id")
    }
    return 0
}
