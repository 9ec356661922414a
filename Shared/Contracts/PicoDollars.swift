/// Money. - Units: 10⁻¹² USD: an item on a small model costs about a billionth of a dollar.
public struct PicoDollars: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var amount: Int64

    public init(_ amount: Int64) { self.amount = amount }

    public static let zero = PicoDollars(0)

    public static func < (left: PicoDollars, right: PicoDollars) -> Bool { left.amount < right.amount }

    public static func + (left: PicoDollars, right: PicoDollars) -> PicoDollars {
        PicoDollars(left.amount + right.amount)
    }

    public static func += (left: inout PicoDollars, right: PicoDollars) { left.amount += right.amount }

    /// US dollars with all twelve decimals, never through a float.
    public var description: String {
        let (dollars, rest) = amount.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000_000)
        let decimals = "\(rest)"
        return "\(amount < 0 ? "-" : "")\(dollars)." + String(repeating: "0", count: 12 - decimals.count) + decimals
    }
}
