import Contracts

/// A text of a request that items are found in: its own text, or an attachment.
struct RequestSource {
    /// The attachment's name; `nil` for the request's own text.
    let name: String?
    let text: String

    /// What the full model sees on each side of an item that it is asked about. It reads that again for each item, so more
    /// makes routing dearer, and hardly better.
    /// - Source: decision 61
    static let contextBytes = 96

    /// Returns the text of a part, an offset of the UTF-8 at each end.
    func text(in range: Range<Int>) -> String {
        String(decoding: bytes(in: range), as: UTF8.self)
    }

    /// Whether a part goes over the end of a line.
    func hasLineEnd(in range: Range<Int>) -> Bool { bytes(in: range).contains { $0 == 0x0A || $0 == 0x0D } }

    /// Returns what stands before an offset, cut between scalars.
    func context(before end: Int) -> String {
        var start = max(0, end - Self.contextBytes)
        while start < end, isInsideScalar(start) { start += 1 }
        return text(in: start..<end)
    }

    /// Returns what stands from an offset on, cut between scalars.
    func context(from start: Int) -> String {
        var end = min(text.utf8.count, start + Self.contextBytes)
        while end > start, isInsideScalar(end) { end -= 1 }
        return text(in: start..<end)
    }

    private func isInsideScalar(_ offset: Int) -> Bool {
        offset < text.utf8.count && CodePointRuler.isContinuation(text.utf8[index(offset)])
    }

    private func bytes(in range: Range<Int>) -> Substring.UTF8View {
        text.utf8[index(range.lowerBound)..<index(range.upperBound)]
    }

    private func index(_ offset: Int) -> String.Index { text.utf8.index(text.startIndex, offsetBy: offset) }
}

/// Converts offsets of a text's UTF-8 into code point offsets. It walks the text once if the ranges ascend.
struct CodePointRuler {
    private let bytes: String.UTF8View
    private var last: (index: String.Index, byte: Int, point: Int)

    init(_ text: String) {
        bytes = text.utf8
        last = (bytes.startIndex, 0, 0)
    }

    mutating func span(_ range: Range<Int>) -> Item.Span {
        let start = points(before: range.lowerBound)
        return Item.Span(start, points(before: range.upperBound))
    }

    private mutating func points(before byte: Int) -> Int {
        if byte < last.byte { last = (bytes.startIndex, 0, 0) }
        let index = bytes.index(last.index, offsetBy: byte - last.byte)
        let point = bytes[last.index..<index].reduce(last.point) { $0 + (Self.isContinuation($1) ? 0 : 1) }
        last = (index, byte, point)
        return point
    }

    /// Whether a byte goes on with the scalar of the byte before it.
    static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
