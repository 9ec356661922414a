import Certification

/// How calibration items are drawn from recorded ones, and on which items the promise is checked.
enum Drawing: Int, CaseIterable {
    /// Draws as many items as are recorded, with replacement. The promise is checked on all recorded items. The draws
    /// from them are independent, so the rate there is the true rate.
    case replacement
    /// Draws one half at random. The promise is checked on the other half, which adds its own random error.
    case halves

    var name: String {
        switch self {
        case .replacement: "drawn with replacement, true rate"
        case .halves: "half against half"
        }
    }

    func draw(
        from recorded: [Observation], using generator: inout SeededGenerator
    ) -> (calibration: [Observation], test: [Observation]) {
        switch self {
        case .replacement:
            return (
                recorded.indices.map { _ in recorded[Int.random(in: recorded.indices, using: &generator)] }, recorded
            )
        case .halves:
            let shuffled = recorded.shuffled(using: &generator)
            return (Array(shuffled.prefix(recorded.count / 2)), Array(shuffled.dropFirst(recorded.count / 2)))
        }
    }
}

/// The results of many draws.
struct Score {
    var draws = 0
    /// Draws after which more than α of what was accepted differed.
    var violations = 0
    /// Draws in which everything escalates.
    var refusals = 0
    var escalated = 0.0

    var violated: Double { Double(violations) / Double(draws) }

    mutating func add(_ threshold: Double?, _ test: [Observation], _ promise: Promise) {
        draws += 1
        let tally = threshold.map { Tally.counts(test, at: [$0])[0] } ?? Tally()
        if threshold == nil { refusals += 1 }
        if tally.rate > promise.alpha { violations += 1 }
        escalated += 1 - Double(tally.accepted) / Double(test.count)
    }
}

/// One task, one promise, one way to draw: a score for each procedure.
struct Trial {
    var task: String
    var promise: Promise
    var drawing: Drawing
    var items: Int
    var scores: [Score]

    init(_ task: String, _ recorded: [Observation], _ promise: Promise, _ drawing: Drawing, draws: Int, seed: UInt64) {
        (self.task, self.promise, self.drawing, items) = (task, promise, drawing, recorded.count)
        scores = Procedure.allCases.map { _ in Score() }
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<draws {
            let (calibration, test) = drawing.draw(from: recorded, using: &generator)
            for procedure in Procedure.allCases {
                scores[procedure.rawValue].add(procedure.threshold(calibration, promise), test, promise)
            }
        }
    }

    /// Whether the procedure breaks its promise more often than allowed, beyond the random error of so few draws. Only
    /// if the true rate is known: the half that was not drawn errs more when the drawn half errs less.
    var isBroken: Bool {
        guard drawing == .replacement else { return false }
        let score = scores[Procedure.fixedSequence.rawValue]
        return ClopperPearson.lower(score.violations, of: score.draws, confidence: 0.999) > promise.delta
    }
}
