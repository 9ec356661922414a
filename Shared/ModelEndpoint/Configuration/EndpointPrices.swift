import Contracts
import Models

/// What an endpoint charges for a token from an instant on, until its next price begins.
public struct EndpointPrice: Equatable, Sendable {
    public let from: Timestamp
    /// - Units: pico-USD a token, as all prices here.
    public let input: PicoDollars
    public let cachedInput: PicoDollars
    public let output: PicoDollars
}

/// What an endpoint charges over time.
struct EndpointPrices: Equatable, Sendable {
    /// The latest first.
    let list: [EndpointPrice]

    init(_ prices: [EndpointPrice] = []) { list = prices.sorted { $0.from > $1.from } }

    /// The most that a try can cost: a token has at least one byte, so the bytes of the whole request body bound its
    /// tokens, and with them those that the server adds between messages.
    func reservation(bodyBytes: Int, maxTokens: Int, at time: Timestamp) -> PicoDollars {
        guard let price = price(at: time) else { return .zero }
        return max(price.input, price.cachedInput).times(Int64(bodyBytes)) + price.output.times(Int64(maxTokens))
    }

    /// What a try costs by its usage. Before the first price, nothing.
    func settlement(of usage: ModelUsage, at time: Timestamp) -> PicoDollars {
        guard let price = price(at: time) else { return .zero }
        let cached = min(usage.cachedInputTokens, usage.inputTokens)
        return price.input.times(usage.inputTokens - cached) + price.cachedInput.times(cached)
            + price.output.times(usage.outputTokens)
    }

    private func price(at time: Timestamp) -> EndpointPrice? { list.first { $0.from <= time } }
}

/// Our own count of tokens, for a server that tells none. - Source: infra/decisions/0048-models-behind-http.md
enum TokenEstimate {
    /// Texts of most languages and tokenizers have four bytes a token or more, so this is rather too many.
    private static let bytesPerToken = 3

    static func tokens(bytes: Int) -> Int { (bytes + bytesPerToken - 1) / bytesPerToken }
}

extension PicoDollars {
    /// Saturates, as sums do.
    fileprivate func times(_ count: Int64) -> PicoDollars {
        let (product, overflows) = amount.multipliedReportingOverflow(by: count)
        return PicoDollars(overflows ? .max : product)
    }
}
