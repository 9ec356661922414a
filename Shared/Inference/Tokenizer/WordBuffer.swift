/// Receives the pieces of a text: their ids alone, or also where they stand.
protocol PieceSink {
    var count: Int { get }
    mutating func append(_ id: Int32, _ place: SourcePlace)
    mutating func removeLast(_ count: Int)
}

extension [Int32]: PieceSink {
    mutating func append(_ id: Int32, _ place: SourcePlace) { append(id) }
}

/// A part of a text, as offsets of its UTF-8. Small, because the tokenizer keeps one for each character of a word.
struct SourcePlace: Equatable {
    var start: UInt32
    var end: UInt32

    /// - Precondition: the text has less than 4 GiB.
    @inline(__always)
    init(_ start: Int, _ count: Int) { (self.start, end) = (UInt32(start), UInt32(start + count)) }
}

/// Collects the current word, and appends its pieces when it ends.
///
/// A character remembers the scalar of the source that it was made of. A scalar that becomes several characters gives
/// all of them its place, so that the pieces of a syllable of Hangul may have the same place. Scalars that are dropped
/// have no place of their own: within a piece they belong to it, before and behind it they belong to no piece.
struct WordBuffer {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    /// The source of each character.
    private let places: UnsafeMutableBufferPointer<SourcePlace>
    /// The source of the whole word.
    private var whole = SourcePlace(0, 0)
    private let vocabulary: VocabularyLookup
    private var count = 0
    private var characters = 0

    init(
        _ bytes: UnsafeMutableBufferPointer<UInt8>, _ places: UnsafeMutableBufferPointer<SourcePlace>,
        _ vocabulary: VocabularyLookup
    ) {
        self.bytes = bytes
        self.places = places
        self.vocabulary = vocabulary
    }

    @inline(__always)
    mutating func append(_ byte: UInt8, _ place: SourcePlace) {
        guard begin(place) else { return }
        bytes[count] = byte
        count += 1
    }

    mutating func append(_ scalar: UInt32, _ place: SourcePlace) {
        guard scalar >= 0x80 else { return append(UInt8(truncatingIfNeeded: scalar), place) }
        guard begin(place), let scalar = Unicode.Scalar(scalar) else { return }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
            bytes[count] = byte
            count += 1
        }
    }

    /// Counts a character.
    /// - Returns: false if the word is too long, and its characters no longer matter.
    @inline(__always)
    private mutating func begin(_ place: SourcePlace) -> Bool {
        if characters == 0 { whole.start = place.start }
        whole.end = place.end
        characters += 1
        guard characters <= WordPieceTokenizer.longestWord else { return false }
        places[characters - 1] = place
        return true
    }

    /// Ends the current word, and adds `scalar` as a word of its own.
    mutating func add(alone scalar: UInt32, _ place: SourcePlace, _ pieces: inout some PieceSink) {
        end(&pieces)
        append(scalar, place)
        end(&pieces)
    }

    /// Matches the longest pieces greedily. A word that is too long or has an unknown piece becomes one `[UNK]`.
    mutating func end(_ pieces: inout some PieceSink) {
        guard characters > 0 else { return }
        defer { (count, characters) = (0, 0) }
        guard characters <= WordPieceTokenizer.longestWord else { return pieces.append(vocabulary.unknown, whole) }
        let before = pieces.count
        var start = 0, character = 0
        while start < count {
            let rest = UnsafeBufferPointer(rebasing: bytes[start..<count])
            guard let (id, length) = vocabulary.longestMatch(rest, continuing: start > 0) else {
                pieces.removeLast(pieces.count - before)
                return pieces.append(vocabulary.unknown, whole)
            }
            var place = places[character]
            character += rest[..<length].count { !UTF8.isContinuation($0) }
            place.end = places[character - 1].end
            pieces.append(id, place)
            start += length
        }
    }
}

extension UTF8 {
    /// Returns the scalar at `index`. The bytes of a string are always well formed.
    static func scalar(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> (scalar: UInt32, length: Int) {
        let lead = UInt32(text[index])
        func tail(_ offset: Int) -> UInt32 { UInt32(text[index + offset] & 0x3F) }
        switch lead {
        case ..<0x80: return (lead, 1)
        case ..<0xE0: return ((lead & 0x1F) << 6 | tail(1), 2)
        case ..<0xF0: return ((lead & 0x0F) << 12 | tail(1) << 6 | tail(2), 3)
        default: return ((lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4)
        }
    }
}
