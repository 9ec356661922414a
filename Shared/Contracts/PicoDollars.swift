/// An amount of money. - Units: 10⁻¹² USD, since an item on a small model costs about a billionth of a dollar.
public struct PicoDollars: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var amount: Int64

    public init(_ amount: Int64) { self.amount = amount }

    public static let zero = PicoDollars(0)

    public static func < (left: PicoDollars, right: PicoDollars) -> Bool { left.amount < right.amount }

    /// An overflow gives the largest (or smallest) amount: a sum of numbers from outside must not crash the process.
    public static func + (left: PicoDollars, right: PicoDollars) -> PicoDollars {
        PicoDollars(left.amount.addingSaturated(right.amount))
    }

    public static func += (left: inout PicoDollars, right: PicoDollars) { left = left + right }

    /// Reads a decimal number exactly.
    /// - Parameter decimals: the number of decimals from the unit of `text` to pico-USD: 12 for USD, 6 for USD per
    ///   million tokens.
    /// - Returns: `nil` if `text` is not a plain decimal number, has more decimals than that, or is too large.
    public init?(decimal text: some StringProtocol, decimals: Int) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : ""
        guard !parts[0].isEmpty, parts.count == 1 || !fraction.isEmpty, fraction.utf8.count <= decimals else {
            return nil
        }
        var amount: Int64 = 0
        let zeros = String(repeating: "0", count: decimals - fraction.utf8.count)
        for digit in parts[0].utf8.map(\.self) + Array(fraction.utf8) + Array(zeros.utf8) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (shifted, overflows) = amount.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = shifted.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
            guard !overflows, !overflowsToo else { return nil }
            amount = sum
        }
        self.amount = amount
    }

    /// Returns the share `part / whole`, rounded down; the whole amount if `part` is not smaller, and zero if `part` or
    /// `whole` is.
    public func share(_ part: Int, of whole: Int) -> PicoDollars {
        PicoDollars(amount.share(part, of: whole))
    }

    /// Rounds to the nearest whole amount. Larger values become the largest amount.
    public init(rounding amount: Double) {
        self.amount = Int64(exactly: amount.rounded()) ?? (amount < 0 ? .min : amount > 0 ? .max : 0)
    }

    /// A form for people: nano-USD below a thousandth of a dollar, otherwise USD with six decimals.
    public var short: String {
        guard amount != 0 else { return "0 USD" }
        return isSmall ? "\(nano) nano-USD" : "\(usd) USD"
    }

    /// Whether the amount is below a thousandth of a dollar.
    public var isSmall: Bool { amount.magnitude < 1_000_000_000 }

    /// - Units: 10⁻⁹ USD, with all decimals.
    public var nano: String { Self.decimal(amount.magnitude, decimals: 3, isNegative: amount < 0) }

    /// - Units: USD, with six decimals, rounded.
    public var usd: String {
        let (micro, rest) = amount.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
        return Self.decimal(micro + (rest >= 500_000 ? 1 : 0), decimals: 6, isNegative: amount < 0)
    }

    private static func decimal(_ magnitude: UInt64, decimals: Int, isNegative: Bool) -> String {
        let digits = "\(magnitude)"
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return "\(isNegative ? "-" : "")\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
    }

    /// US dollars with all twelve decimals. The conversion never uses floating-point numbers.
    public var description: String { Self.decimal(amount.magnitude, decimals: 12, isNegative: amount < 0) }
}

extension Int64 {
    /// Returns the share `part / whole` of an amount that is not negative, rounded down.
    func share(_ part: Int, of whole: Int) -> Int64 {
        guard part > 0, whole > 0 else { return 0 }
        guard part < whole else { return self }
        let product = magnitude.multipliedFullWidth(by: UInt64(part))
        // The quotient is smaller than the amount, so it fits.
        return Int64(UInt64(whole).dividingFullWidth(product).quotient)
    }

    /// Returns the sum, or the nearest value that the type can hold.
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }
}
