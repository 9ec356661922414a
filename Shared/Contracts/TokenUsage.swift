/// What a model call consumed.
public struct TokenUsage: Hashable, Sendable {
    /// - Units: tokens, `[CLS]` and `[SEP]` included; for an endpoint what it bills.
    public var inputTokens: Int64
    public var outputTokens: Int64
    /// - Units: floating-point operations of the matrix products, 2 a multiply-add; 0 where unknown.
    public var flops: Int64

    public init(inputTokens: Int64, outputTokens: Int64 = 0, flops: Int64) {
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.flops = flops
    }

    /// The marks `[CLS]` and `[SEP]` of each text that is read by itself.
    public static let marksPerText: Int64 = 2

    /// The share `part` of `whole`; nothing where there is no whole.
    public func share(_ part: Int, of whole: Int) -> TokenUsage {
        guard part > 0, whole > 0 else { return .zero }
        guard part < whole else { return self }
        func share(_ amount: Int64) -> Int64 {
            let product = amount.magnitude.multipliedFullWidth(by: UInt64(part))
            // The quotient is smaller than the amount, so it fits.
            return Int64(UInt64(whole).dividingFullWidth(product).quotient)
        }
        return TokenUsage(inputTokens: share(inputTokens), outputTokens: share(outputTokens), flops: share(flops))
    }

    /// What the same texts take as parts of one question, which has its marks once.
    public func joined(texts: Int) -> TokenUsage {
        var joined = self
        joined.inputTokens = Swift.max(0, inputTokens - Self.marksPerText * Int64(texts))
        return joined
    }

    public static let zero = TokenUsage(inputTokens: 0, flops: 0)

    /// Stops at the largest numbers that can be written, as money does.
    public static func + (left: TokenUsage, right: TokenUsage) -> TokenUsage {
        TokenUsage(
            inputTokens: left.inputTokens.addingSaturated(right.inputTokens),
            outputTokens: left.outputTokens.addingSaturated(right.outputTokens),
            flops: left.flops.addingSaturated(right.flops))
    }
}
