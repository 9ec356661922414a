import JSON
import Testing

@Suite struct RoundTripTests {
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `what the writer writes, the reader reads back the same`(seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        for _ in 0..<20 {
            let sample = Sample.random(depth: 0, using: &random)
            var writer = JSONWriter()
            sample.write(to: &writer)
            #expect(try JSONDocument.read(writer.bytes) { Sample($0) } == sample, "\(writer.text)")
        }
    }
}

/// Generates any JSON value.
private indirect enum Sample: Equatable {
    case null, bool(Bool), integer(Int), double(Double), string(String), array([Sample]), object([Member])

    struct Member: Equatable {
        var name: String
        var value: Sample
    }

    static func random(depth: Int, using random: inout SeededGenerator) -> Sample {
        switch Int.random(in: 0..<(depth < 6 ? 8 : 5), using: &random) {
        case 0: .null
        case 1: .bool(.random(using: &random))
        case 2: .integer(Int(truncatingIfNeeded: random.next()) >> Int.random(in: 0..<64, using: &random))
        case 3: .double(Double(bitPattern: random.next()).finiteOrHalf)
        case 4: .string(text(using: &random))
        case 5:
            .array((0..<Int.random(in: 0..<6, using: &random)).map { _ in .random(depth: depth + 1, using: &random) })
        default:
            .object(
                (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                    Member(name: text(using: &random), value: .random(depth: depth + 1, using: &random))
                })
        }
    }

    /// Generates any scalar, and more often those that need an escape.
    private static func text(using random: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0..<40, using: &random) {
            let bound: UInt32 = [0x23, 0x80, 0x800, 0x11_0000].randomElement(using: &random) ?? 0x80
            if let scalar = Unicode.Scalar(UInt32.random(in: 0..<bound, using: &random)) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    init(_ value: JSONValue) {
        switch value.kind {
        case .null: self = .null
        case .bool: self = .bool(value.bool ?? false)
        case .integer: self = .integer(value.integer ?? 0)
        case .double: self = .double(value.double ?? .nan)
        case .string: self = .string(value.string ?? "")
        case .array: self = .array(value.map(Sample.init) ?? [])
        case .object:
            var members: [Member] = []
            value.forEachMember { members.append(Member(name: $0, value: Sample($1))) }
            self = .object(members)
        }
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.integer(value)
        case .double(let value): writer.double(value)
        case .string(let value): writer.string(value)
        case .array(let values): writer.array(values) { $1.write(to: &$0) }
        case .object(let members):
            writer.object { object in
                for member in members {
                    object.name(member.name)
                    member.value.write(to: &object)
                }
            }
        }
    }
}

extension Double {
    fileprivate var finiteOrHalf: Double { isFinite ? self : 0.5 }
}

/// SplitMix64 gives the same values in every run, so that a failure names its seed.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
