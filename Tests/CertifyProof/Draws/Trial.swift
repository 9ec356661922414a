import Certification

/// How calibration items are drawn from recorded ones, and where the promise is looked at.
enum Drawing: Int, CaseIterable {
    /// As many as are recorded, with replacement; the promise is looked at on all recorded items, from which they were
    /// drawn independently, so that the rate there is the true one.
    case replacement
    /// One half at random; the promise is looked at on the other half, whose own chance comes on top.
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

/// What became of many draws.
struct Score {
    var draws = 0
    /// Draws after which more than α of what was accepted differed.
    var violations = 0
    /// Draws after which everything escalates.
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

    /// Whether the procedure breaks its promise more often than it may, beyond what so few draws leave to chance. Only where
    /// the true rate is known: a half that was not drawn errs by itself, and the more the less the other half did.
    var isBroken: Bool {
        guard drawing == .replacement else { return false }
        let score = scores[Procedure.fixedSequence.rawValue]
        return ClopperPearson.lower(score.violations, of: score.draws, confidence: 0.999) > promise.delta
    }
}
