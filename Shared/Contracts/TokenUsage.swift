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

    public static let zero = TokenUsage(inputTokens: 0, flops: 0)

    public static func + (left: TokenUsage, right: TokenUsage) -> TokenUsage {
        TokenUsage(
            inputTokens: left.inputTokens + right.inputTokens, outputTokens: left.outputTokens + right.outputTokens,
            flops: left.flops + right.flops)
    }
}
