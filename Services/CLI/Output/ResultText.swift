import Client
import Contracts

extension RequestResult {
    /// Describes the result for people: the request, then a line for each item that shows who decided it and whether
    /// the answer is degraded or truncated.
    /// - Parameter width: columns of the terminal. If a line does not fit, the item's text follows on a line of its
    ///   own.
    func text(fitting width: Int? = nil) -> String {
        var lines = ["\(id.visible)  \(status.visible)  \(cost.short), full model alone \(fullModelCost.short)"]
        if let error { lines.append("    \(error.visible)") }
        for step in steps {
            for item in step.items {
                let cells = [
                    "\(step.route)".visible, (item.label ?? item.output?.kind.rawValue ?? step.status).visible,
                    item.confidence.map { "\(($0 * 1000).rounded() / 1000)" } ?? "", item.decidedBy?.rawValue ?? "",
                ]
                let line = "    " + zip(cells, [30, 24, 6, 7]).map { $0.padded(to: $1) }.joined(separator: " ")
                let marks = item.marks.map { $0 + " " }.joined()
                let gap = marks.isEmpty ? "" : " "
                let room = (width ?? .max) - line.columns - gap.count - marks.count - 2
                if room >= Self.leastText {
                    lines.append(line + gap + marks + Self.quoted(item.text, within: room))
                } else {
                    let fits = line.trimmingTrailingSpaces.columns <= width ?? .max
                    lines.append(
                        fits
                            ? line.trimmingTrailingSpaces
                            : "    " + cells.filter { !$0.isEmpty }.joined(separator: "  "))
                    let room = max(1, (width ?? .max) - 10 - marks.count)
                    lines.append("        " + marks + Self.quoted(item.text, within: room))
                }
                if let written = item.written { lines.append(Self.answer(written, within: width ?? .max)) }
            }
        }
        return lines.joined(separator: "\n")
    }

    private static let (leastText, mostText) = (20, 60)

    /// The line of an answer that is no label.
    private static func answer(_ written: String, within width: Int) -> String {
        let mark = "        → "
        return mark + quoted(written, within: max(1, min(width - mark.count - 2, mostAnswer)), atMost: mostAnswer)
    }

    private static let mostAnswer = 160

    private static func quoted(_ text: String, within room: Int, atMost most: Int = mostText) -> String {
        "\"\(text.shortened(to: 4 * most).visible.shortened(to: min(most, room)))\""
    }
}

extension RequestResult.Item {
    /// The answer, if it is a text or a JSON value.
    fileprivate var written: String? {
        switch output {
        case .text(let text), .json(let text): text
        case .label, nil: nil
        }
    }

    fileprivate var marks: [String] {
        (isDegraded ? ["degraded"] : []) + (isTruncated ? ["truncated"] : []) + (isUnfamiliar ? ["unfamiliar"] : [])
    }
}
