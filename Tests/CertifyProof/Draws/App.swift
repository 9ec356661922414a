import Certification
import Foundation

/// Draws calibration items from recorded ones repeatedly, and counts how often each procedure breaks its promise.
///
///     CertifyProof SVG TASK.jsonl…     ends with 1 if certification breaks its own promise too often
@main enum App {
    static let draws = 1000

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count >= 2 else { exit(2) }
        let populations = try arguments.dropFirst().map { path in
            let file = URL(filePath: path)
            let lines = try Data(contentsOf: file).split(separator: UInt8(ascii: "\n"))
            return (
                file.lastPathComponent.replacing(".jsonl", with: "").replacing(".", with: "/"),
                lines.compactMap { Observation(decoding: $0) }
            )
        }
        let promises = [0.99, 0.95].compactMap { Promise(agreement: $0, confidence: 0.95) }
        let trials = await withTaskGroup(of: (Int, Trial).self) { group in
            var count = 0
            for (task, recorded) in populations {
                for promise in promises {
                    for drawing in Drawing.allCases {
                        let (place, seed) = (count, 20_261_125 + UInt64(count))
                        group.addTask {
                            (place, Trial(task, recorded, promise, drawing, draws: draws, seed: seed))
                        }
                        count += 1
                    }
                }
            }
            var trials = [Trial?](repeating: nil, count: count)
            for await (place, trial) in group { trials[place] = trial }
            return trials.compactMap(\.self)
        }
        print("| task | items | agreement | drawing | procedure | promise broken | no certificate | escalated |")
        print("|---|---|---|---|---|---|---|---|")
        for trial in trials {
            for (procedure, score) in zip(Procedure.allCases, trial.scores) {
                let cells = [
                    trial.task, "\(trial.items)", Percent.text(1 - trial.promise.alpha), trial.drawing.name,
                    procedure.name, Percent.text(score.violated),
                    Percent.text(Double(score.refusals) / Double(score.draws)),
                    Percent.text(score.escalated / Double(score.draws)),
                ]
                print("| \(cells.joined(separator: " | ")) |")
            }
        }
        try Plot.svg(trials).write(to: URL(filePath: arguments[0]), atomically: false, encoding: .utf8)
        let broken = trials.filter(\.isBroken)
        for trial in broken {
            FileHandle.standardError.write(
                Data("certify-proof: \(trial.task), \(trial.drawing.name): broken more often than δ\n".utf8))
        }
        let isWatchBroken = printWatch()
        exit(broken.isEmpty && !isWatchBroken ? 0 : 1)
    }

    /// - Returns: whether the watch over certificates failed in one of the scenarios.
    private static func printWatch() -> Bool {
        print(
            "\n| scenario | revoked for everybody | for a tenant that keeps the promise | drift found | texts until then | one bound without tenants revokes |"
        )
        print("|---|---|---|---|---|---|")
        var isBroken = false
        for (place, watch) in Watch.scenarios.enumerated() {
            let score = watch.play(runs: draws, seed: 20_261_129 + UInt64(place))
            let found =
                watch.hasDrift
                ? [Percent.text(score.share(score.found)), "\(score.texts / score.runs)"] : ["", ""]
            let cells =
                [
                    watch.name, Percent.text(score.share(score.everybody)),
                    Percent.text(score.share(score.wronged)),
                ] + found + [Percent.text(score.share(score.pooled))]
            print("| \(cells.joined(separator: " | ")) |")
            guard watch.isBroken(score) else { continue }
            isBroken = true
            FileHandle.standardError.write(Data("certify-proof: \(watch.name): the watch failed\n".utf8))
        }
        return isBroken
    }
}
