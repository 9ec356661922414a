import Certification

/// Draws a bar for each task and procedure: the share of draws in which the promise was broken, and the line that it
/// must not exceed.
enum Plot {
    private static let colours = ["#1b6e53", "#c9a227", "#b3402a"]
    private static let (left, row, width, band) = (250.0, 46.0, 460.0, 9.0)

    static func svg(_ trials: [Trial]) -> String {
        let top = 84.0
        let height = top + row * Double(trials.count) + 40
        let most = max(0.1, trials.flatMap { $0.scores.map(\.violated) }.max() ?? 0)
        func x(_ share: Double) -> Double { left + width * share / most }
        var lines = [
            #"<svg xmlns="http://www.w3.org/2000/svg" width="780" height="\#(Int(height))" font-family="sans-serif" font-size="12">"#,
            #"<rect width="100%" height="100%" fill="white"/>"#,
            #"<text x="16" y="24" font-size="15">Draws in which the promise was broken, in per cent</text>"#,
        ]
        for procedure in Procedure.allCases {
            let start = 16.0 + 200 * Double(procedure.rawValue)
            lines.append(
                #"<rect x="\#(start)" y="38" width="10" height="10" fill="\#(colours[procedure.rawValue])"/>"#
                    + #"<text x="\#(start + 15)" y="47">\#(procedure.name)</text>"#)
        }
        for (index, trial) in trials.enumerated() {
            let y = top + row * Double(index)
            lines.append(#"<text x="16" y="\#(y + 12)">\#(trial.task)</text>"#)
            lines.append(
                #"<text x="16" y="\#(y + 27)" fill="gray">\#(Percent.text(1 - trial.promise.alpha)), \#(trial.drawing.name)</text>"#
            )
            for procedure in Procedure.allCases {
                let share = trial.scores[procedure.rawValue].violated
                let barTop = y + 3 + (band + 2) * Double(procedure.rawValue)
                lines.append(
                    #"<rect x="\#(left)" y="\#(barTop)" width="\#(max(1, x(share) - left))" height="\#(band)" fill="\#(colours[procedure.rawValue])"/>"#
                        + #"<text x="\#(x(share) + 5)" y="\#(barTop + 8)" font-size="9">\#(Percent.text(share))</text>"#
                )
            }
        }
        let delta = x(trials.first?.promise.delta ?? 0)
        lines.append(
            #"<line x1="\#(delta)" y1="\#(top - 8)" x2="\#(delta)" y2="\#(height - 30)" stroke="black" stroke-dasharray="4 3"/>"#
                + #"<text x="\#(delta + 4)" y="\#(height - 18)">allowed: δ</text>"#)
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }
}

enum Percent {
    static func text(_ share: Double) -> String { "\((share * 1000).rounded() / 10)" }
}
