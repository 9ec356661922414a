import Contracts
import JSON

extension FileReader {
    /// Reads how people's texts find a task.
    mutating func routing(_ value: JSONValue, at path: String) -> TaskRouting? {
        guard let object = object(value, at: path, ["examples", "head"]) else { return nil }
        let count = faults.count
        let examples = examples(of: object)
        guard let member = object.members["head"] else { return examples.map { TaskRouting(examples: $0) } }
        let head = head(member, at: object.path(of: "head"))
        guard let examples, let head else { return nil }
        if faults.count == count, head.examples != examples.count {
            fault(
                .conflict, "\(object.path(of: "head")).examples",
                "is not the number of examples; run “winnow catalog refit”")
        }
        return TaskRouting(examples: examples, head: head)
    }

    private mutating func examples(of object: FileObject) -> [String]? {
        guard let member = required("examples", of: object),
            let elements = array(member, at: object.path(of: "examples"), CatalogLimits.examples)
        else { return nil }
        var names = UniqueNames()
        return elements.compactMap { path, value in
            guard let example = text(value, at: path, .line(CatalogLimits.exampleLength)) else { return nil }
            names.add(example, at: path, &self)
            return example
        }
    }

    private mutating func head(_ value: JSONValue, at path: String) -> RouteHead? {
        let names = ["router", "examples", "temperature", "threshold", "weights"]
        guard let object = object(value, at: path, names) else { return nil }
        let router = text("router", of: object, .fingerprint)
        let examples = requiredInteger("examples", of: object, CatalogLimits.examples)
        let temperature = number("temperature", of: object, below: 1000)
        let threshold = number("threshold", of: object, below: 1)
        let numbers = weights(of: object)
        guard let router, let examples, let temperature, let threshold, let numbers, let bias = numbers.last else {
            return nil
        }
        return RouteHead(
            router: router, examples: examples, temperature: temperature, threshold: threshold,
            weights: numbers.dropLast(), bias: bias)
    }

    /// The weights, and the bias as the last number.
    private mutating func weights(of object: FileObject) -> [Float]? {
        let path = object.path(of: "weights")
        guard let member = required("weights", of: object), let text = string(member, at: path) else { return nil }
        guard let numbers = Base64.floats(in: text), (2...(CatalogLimits.stateSize + 1)).contains(numbers.count),
            numbers.allSatisfy(\.isFinite)
        else {
            fault(
                .value, path,
                "must be 2 to \(CatalogLimits.stateSize + 1) finite 32-bit numbers, little-endian, in padded Base64")
            return nil
        }
        return numbers
    }
}

/// Numbers as text, which JSON can carry without rounding them.
/// - Source: RFC 4648, section 4
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(of floats: [Float]) -> String {
        let bytes = floats.flatMap { float in
            (0..<4).map { UInt8(truncatingIfNeeded: float.bitPattern >> UInt32(8 * $0)) }
        }
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for first in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[first..<min(first + 3, bytes.count)]
            let group = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            for place in 0..<4 {
                text.append(place <= part.count ? digits[group >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: `nil` unless the text is exactly what `text` writes for some numbers.
    static func floats(in text: String) -> [Float]? {
        let characters = Array(text.utf8)
        guard characters.count % 4 == 0 else { return nil }
        let body = characters.prefix { $0 != UInt8(ascii: "=") }
        guard characters.count - body.count <= 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(body.count)
        var group = 0, bits = 0
        for character in body {
            guard let digit = value(of: character) else { return nil }
            (group, bits) = (group << 6 | digit, bits + 6)
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: group >> bits))
            group &= (1 << bits) - 1
        }
        guard bytes.count % 4 == 0 else { return nil }
        let floats = stride(from: 0, to: bytes.count, by: 4).map { first in
            Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[first + $1]) << UInt32(8 * $1) })
        }
        return self.text(of: floats) == text ? floats : nil
    }

    private static func value(of character: UInt8) -> Int? {
        switch character {
        case 0x41...0x5A: Int(character) - 0x41
        case 0x61...0x7A: Int(character) - 0x61 + 26
        case 0x30...0x39: Int(character) - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
