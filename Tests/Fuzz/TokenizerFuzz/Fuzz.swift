@testable import Inference

/// Tokenizes any text: the ids are in the vocabulary and between the two marker tokens, and no more than requested. The
/// pieces of an item reader stand in the text in their order, between scalars.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    for limit in [2, 3, 16, 512] {
        let ids = FuzzedTokenizer.shared.encode(text, maxTokens: limit)
        precondition((2...limit).contains(ids.count), "\(ids.count) ids, at most \(limit) asked for")
        precondition(ids.allSatisfy { (0..<Int32(FuzzedTokenizer.pieces.count)).contains($0) }, "an unknown id")
    }
    checkPlaces(text)
    return 0
}

private func checkPlaces(_ text: String) {
    let lineEnds = Vocabulary.LineEnds(one: -1, several: -2), utf8 = Array(text.utf8)
    let pieces = SourcePieces(text, FuzzedTokenizer.shared, lineEnds: lineEnds)
    precondition(pieces.marks.count == pieces.count && pieces.places.count == pieces.count, "a piece without a mark")
    var end = 0
    for (index, place) in pieces.places.enumerated() {
        let range = Int(place.start)..<Int(place.end)
        precondition(!range.isEmpty && range.upperBound <= utf8.count, "a piece outside the text")
        precondition(end <= range.lowerBound || pieces.isContinuation(index), "a piece before the one that precedes it")
        precondition(!UTF8.isContinuation(utf8[range.lowerBound]), "a piece within a scalar")
        precondition(range.upperBound == utf8.count || !UTF8.isContinuation(utf8[range.upperBound]), "half a scalar")
        end = range.upperBound
    }
    let ids = pieces.ids.filter { $0 >= 0 }
    precondition(
        ids == Array(FuzzedTokenizer.shared.encode(text, maxTokens: .max).dropFirst().dropLast()),
        "lines have other pieces than the text")
}
