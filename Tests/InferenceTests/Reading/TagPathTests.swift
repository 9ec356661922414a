import Testing

@testable import Inference

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

struct TagPathTests {
    /// A source of a few pieces, whose best path a search of all paths finds.
    private struct Source {
        var scores: [[Float]]
        var continues: [Bool]

        init(_ generator: inout some RandomNumberGenerator) {
            let count = Int.random(in: 1...7, using: &generator)
            scores = (0..<count).map { _ in (0..<3).map { _ in Float.random(in: -3...3, using: &generator) } }
            continues = (0..<count).map { $0 > 0 && Int.random(in: 0..<3, using: &generator) == 0 }
        }

        func decided() -> [TagPath.Decision] {
            var path = TagPath()
            return zip(scores, continues).flatMap { path.take($0[...], isContinuation: $1) } + path.finish()
        }

        func total(_ tags: [ItemTag]) -> Double {
            zip(scores, tags).reduce(0) { sum, member in
                sum + log(exp(Double(member.0[member.1.rawValue])) / member.0.reduce(0) { $0 + exp(Double($1)) })
            }
        }

        func allows(_ tags: [ItemTag]) -> Bool {
            tags.indices.allSatisfy { place in
                let before = place == 0 ? .outside : tags[place - 1]
                if tags[place] == .inside, before == .outside { return false }
                guard continues[place] else { return true }
                return tags[place] == (before == .outside ? .outside : .inside)
            }
        }

        var paths: [[ItemTag]] {
            scores.reduce([[]]) { paths, _ in paths.flatMap { path in ItemTag.allCases.map { path + [$0] } } }
        }
    }

    @Test func `the path is the best of all that are possible`() throws {
        var generator = Dice(1)
        for _ in 0..<400 {
            let source = Source(&generator), decided = source.decided()
            #expect(decided.count == source.scores.count && source.allows(decided.map(\.tag)))
            let best = try #require(source.paths.filter(source.allows).map(source.total).max())
            #expect(abs(source.total(decided.map(\.tag)) - best) < 1e-6)
        }
    }

    @Test func `what no later piece can change is decided`() {
        var path = TagPath()
        // After each of these an inside would begin the item where the scores say less of it.
        #expect(path.take([4, 0, 0], isContinuation: false).isEmpty)
        #expect(path.take([0, 4, 0], isContinuation: false).isEmpty)
        #expect(path.take([0, 0, 4], isContinuation: true).isEmpty)
        #expect(path.take([4, 0, 0], isContinuation: false).map(\.tag) == [.outside, .begin, .inside])
        #expect(path.finish().map(\.tag) == [.outside])
    }

    @Test func `a later piece decides about an earlier one`() {
        var path = TagPath()
        // By itself the first piece is outside, but what continues its word is inside.
        #expect(path.take([1, 0.5, -9], isContinuation: false).isEmpty)
        #expect(path.take([-5, 0, 5], isContinuation: true).isEmpty)
        #expect(path.finish().map(\.tag) == [.begin, .inside])
    }

    @Test func `a source that never decides holds a bounded number of pieces`() {
        var path = TagPath()
        var decided = path.take([0, 0, 0], isContinuation: false).count
        for _ in 0..<10_000 { decided += path.take([0, 0, 0], isContinuation: true).count }
        #expect(decided > 4_000)
        #expect(decided + path.finish().count == 10_001)
    }
}
