import Contracts
import Testing

struct PicoDollarsTests {
    @Test(
        arguments: [
            (0, "0.000000000000"), (1, "0.000000000001"), (-1, "-0.000000000001"), (111, "0.000000000111"),
            (1_000_000_000_000, "1.000000000000"), (-1_500_000_000_000, "-1.500000000000"),
            (.max, "9223372.036854775807"), (.min, "-9223372.036854775808"),
        ] as [(Int64, String)])
    func `money is written with all its decimals`(amount: Int64, text: String) {
        #expect(PicoDollars(amount).description == text)
    }

    @Test func `money adds up and compares`() {
        var sum = PicoDollars(1) + PicoDollars(2)
        sum += PicoDollars(-4)
        #expect(sum == PicoDollars(-1))
        #expect(sum < .zero)
    }

    @Test func `usage adds up by kind`() {
        let sum = TokenUsage(inputTokens: 1, outputTokens: 2, flops: 3) + TokenUsage(inputTokens: 10, flops: 30)
        #expect(sum == TokenUsage(inputTokens: 11, outputTokens: 2, flops: 33))
    }
}
