import JSON
import Certification
import Testing

@testable import Evaluation

struct FigureTests {
    /// - Source: R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3; four decimals
    @Test(arguments: [
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
    ])
    func `a share has Wilson's interval`(successes: Int, count: Int, low: Double, high: Double) {
        let figure = Figure(successes: successes, of: count)
        #expect(figure.value == Double(successes) / Double(count))
        #expect(abs(figure.low - low) <= 5e-5)
        #expect(abs(figure.high - high) <= 5e-5)
        // The interval is symmetric: swapping successes and failures mirrors it.
        let mirrored = Figure(successes: count - successes, of: count)
        #expect(abs(mirrored.low - (1 - figure.high)) < 1e-12)
        #expect(abs(mirrored.high - (1 - figure.low)) < 1e-12)
    }

    @Test func `the interval of a ratio holds the ratio and narrows with more requests`() {
        var generator = SeededGenerator(seed: 1)
        var widths: [Double] = []
        for count in [10, 1000] {
            let pairs = (0..<count).map { (part: Double($0 % 7), whole: Double(10 + $0 % 3)) }
            let figure = Figure(ratio: pairs, using: &generator)
            let ratio = pairs.reduce(0) { $0 + $1.part } / pairs.reduce(0) { $0 + $1.whole }
            #expect(figure.value == ratio)
            #expect(figure.low < ratio && ratio < figure.high)
            widths.append(figure.high - figure.low)
        }
        #expect(widths[1] < widths[0] / 5)
    }

    @Test func `a ratio that never varies has no width`() {
        var generator = SeededGenerator(seed: 1)
        let figure = Figure(ratio: Array(repeating: (part: 1, whole: 4), count: 20), using: &generator)
        #expect(figure.text == "25.0 [25.0, 25.0]")
    }

    @Test func `the same seed gives the same interval`() {
        let pairs = (0..<50).map { (part: Double($0), whole: 100.0) }
        var one = SeededGenerator(seed: 4)
        var two = SeededGenerator(seed: 4)
        #expect(Figure(ratio: pairs, using: &one) == Figure(ratio: pairs, using: &two))
    }

    @Test func `an empty sample gives no figure`() {
        var generator = SeededGenerator(seed: 1)
        for figure in [Figure(successes: 0, of: 0), Figure(ratio: [], using: &generator)] {
            var writer = JSONWriter()
            figure.write(to: &writer)
            #expect(writer.text == #"{"value":null,"low":null,"high":null}"#)
            #expect(figure.text == "- [-, -]")
        }
    }
}
