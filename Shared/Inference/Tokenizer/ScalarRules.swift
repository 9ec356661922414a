import CKernels

/// The reference tokenizer's treatment of scalars beyond ASCII, in tables generated from the reference itself.
///
/// There is one difference. NFD may reorder two combining marks in a row; here, marks that are newer than the
/// reference's Unicode version keep their order. It has no effect: no vocabulary contains such marks, so the word is
/// unknown in both cases. For the same reason a spacing mark that NFD moves before an accent keeps its own place in the
/// text here; the reference gives it the accent's.
enum ScalarRules {
    enum Kind { case letter, space, punctuation }

    /// Calls `body` for every scalar that remains of `scalar` after cleaning, NFD without accents and lowercasing.
    @inline(__always)
    static func normalize(_ scalar: UInt32, _ body: (_ scalar: UInt32, _ isAlone: Bool) -> Void) {
        if 0xAC00...0xD7A3 ~= scalar { return decomposeHangul(scalar) { body($0, false) } }
        guard let rule = find(scalar, in: rules) else { return body(scalar, false) }
        let shifted = UInt32(truncatingIfNeeded: Int64(scalar) + Int64(rule.value))
        switch Int(rule.kind) {
        case WINNOW_SCALAR_DROPPED: return
        case WINNOW_SCALAR_ALONE: body(shifted, true)
        case WINNOW_SCALAR_SEQUENCE:
            for index in 0..<Int(rule.value & 15) { body(winnow_scalar_sequences[Int(rule.value >> 4) + index], false) }
        default: body(shifted, false)
        }
    }

    static func kind(of scalar: UInt32) -> Kind {
        guard scalar >= 0x80 else {
            return switch ASCIIClass.of(UInt8(truncatingIfNeeded: scalar)) {
            case .space: .space
            case .punctuation: .punctuation
            default: .letter
            }
        }
        guard let rule = find(scalar, in: classes) else { return .letter }
        return Int(rule.kind) == WINNOW_SCALAR_SPACE ? .space : .punctuation
    }

    /// - Source: Unicode Standard, section 3.12
    private static func decomposeHangul(_ scalar: UInt32, _ body: (UInt32) -> Void) {
        let index = scalar - 0xAC00
        body(0x1100 + index / 588)
        body(0x1161 + index % 588 / 28)
        if index % 28 > 0 { body(0x11A7 + index % 28) }
    }

    private static var rules: UnsafeBufferPointer<winnow_scalar_rule> {
        UnsafeBufferPointer(start: winnow_scalar_rules, count: Int(winnow_scalar_rules_count))
    }

    private static var classes: UnsafeBufferPointer<winnow_scalar_rule> {
        UnsafeBufferPointer(start: winnow_scalar_classes, count: Int(winnow_scalar_classes_count))
    }

    private static func find(
        _ scalar: UInt32, in rules: UnsafeBufferPointer<winnow_scalar_rule>
    ) -> winnow_scalar_rule? {
        var low = 0, high = rules.count
        while low < high {
            let middle = (low + high) / 2
            if rules[middle].first <= scalar { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let rule = rules[low - 1], distance = scalar - rule.first
        let isCovered = distance % UInt32(rule.stride) == 0 && distance / UInt32(rule.stride) < rule.count
        return isCovered ? rule : nil
    }
}

/// How the tokenizer treats an ASCII byte.
enum ASCIIClass: UInt8 {
    case letter, capital, space, punctuation
    /// A control character other than tab, line feed and carriage return.
    case dropped

    @inline(__always)
    static func of(_ byte: UInt8) -> ASCIIClass {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): .letter
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): .capital
        case 0x20, 0x09, 0x0A, 0x0D: .space
        case ..<0x20, 0x7F: .dropped
        default: .punctuation
        }
    }
}
