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

    @Test func `a sum that is too large stops at the largest number`() {
        #expect(PicoDollars(.max) + PicoDollars(1) == PicoDollars(.max))
        #expect(PicoDollars(.min) + PicoDollars(-1) == PicoDollars(.min))
        let most = TokenUsage(inputTokens: .max, outputTokens: .max, flops: .max)
        #expect(most + most == most)
        #expect(Timestamp(milliseconds: .max).adding(milliseconds: 1).milliseconds == .max)
    }

    @Test(
        arguments: [
            (0.4, 0), (0.5, 1), (-0.6, -1), (9.3e18, .max), (-9.3e18, .min), (.infinity, .max), (.nan, 0),
        ] as [(Double, Int64)])
    func `the nearest amount of money is taken`(amount: Double, nearest: Int64) {
        #expect(PicoDollars(rounding: amount).amount == nearest)
    }

    @Test(
        arguments: [
            ("0", 12, 0), ("5", 12, 5_000_000_000_000), ("0.25", 12, 250_000_000_000), ("0.000000000001", 12, 1),
            ("0.15", 6, 150_000), ("9223372.036854775807", 12, .max), ("007", 6, 7_000_000),
        ] as [(String, Int, Int64)])
    func `money is read exactly`(text: String, decimals: Int, amount: Int64) {
        #expect(PicoDollars(decimal: text, decimals: decimals) == PicoDollars(amount))
    }

    @Test(arguments: [
        "", ".", "5.", ".5", "-1", "+1", "1e3", "1,5", "0.0000001", "9223372036854.775808", "٣", "1.2.3", " 1",
    ])
    func `what is no amount of money is not read`(text: String) {
        #expect(PicoDollars(decimal: text, decimals: 6) == nil)
    }

    @Test(
        arguments: [
            (0, "0 USD"), (1, "0.001 nano-USD"), (-2_774, "-2.774 nano-USD"), (999_999_999, "999999.999 nano-USD"),
            (1_000_000_000, "0.001000 USD"), (1_234_567_890_123, "1.234568 USD"), (-999_999_500_000, "-1.000000 USD"),
        ] as [(Int64, String)])
    func `people read nano-USD where it is small`(amount: Int64, text: String) {
        #expect(PicoDollars(amount).short == text)
    }

    @Test func `a share of usage is rounded down, and never overflows`() {
        let usage = TokenUsage(inputTokens: 10, outputTokens: .max, flops: 1_000_000_000_000_000_000)
        #expect(
            usage.share(1, of: 3) == TokenUsage(inputTokens: 3, outputTokens: .max / 3, flops: 333_333_333_333_333_333))
        #expect(usage.share(3, of: 3) == usage)
        #expect(usage.share(0, of: 3) == .zero && usage.share(1, of: 0) == .zero)
        #expect(usage.joined(texts: 3).inputTokens == 4 && usage.joined(texts: 9).inputTokens == 0)
    }

    @Test func `usage adds up by kind`() {
        let sum = TokenUsage(inputTokens: 1, outputTokens: 2, flops: 3) + TokenUsage(inputTokens: 10, flops: 30)
        #expect(sum == TokenUsage(inputTokens: 11, outputTokens: 2, flops: 33))
    }
}
