import Contracts
import JSON

/// A result as `winnow` reads it from the results topic.
struct ResultView: Sendable {
    struct Item: Sendable {
        var text: String
        var label: String?
        var confidence: Double?
        var decidedBy: Answer.DecidedBy?
        var isDegraded = false
        /// Whether the model read only a part of the text.
        var isTruncated = false

        var marks: [String] { (isDegraded ? ["degraded"] : []) + (isTruncated ? ["truncated"] : []) }
    }

    struct Step: Sendable {
        var route: Route
        var status: String
        var items: [Item]
    }

    static let rejected = "rejected"

    var id: String
    var status: String
    var error: String?
    var steps: [Step]
    var flops: Int
    var fullModelFlops: Int
    var cost: PicoDollars
    var fullModelCost: PicoDollars

    /// - Throws: `JSONError`
    init(_ bytes: [UInt8]) throws {
        self = try JSONDocument.read(bytes) { root in
            let usage = root["usage"]
            let cost = root["cost"]
            return ResultView(
                id: root["id"]?.string ?? "", status: root["status"]?.string ?? "", error: root["error"]?.string,
                steps: root["steps"]?.map(Self.step) ?? [], flops: usage?["flops"]?.integer ?? 0,
                fullModelFlops: usage?["fullModelFlops"]?.integer ?? 0,
                cost: PicoDollars(Int64(cost?["picoUSD"]?.integer ?? 0)),
                fullModelCost: PicoDollars(Int64(cost?["fullModelPicoUSD"]?.integer ?? 0)))
        }
    }

    var isCompleted: Bool { status == "completed" }

    /// Reads only the request's id.
    static func id(of bytes: [UInt8]) throws -> EventID? {
        try JSONDocument.read(bytes) { $0["id"]?.string.map { EventID($0) } }
    }

    private init(
        id: String, status: String, error: String?, steps: [Step], flops: Int, fullModelFlops: Int, cost: PicoDollars,
        fullModelCost: PicoDollars
    ) {
        self.id = id
        self.status = status
        self.error = error
        self.steps = steps
        self.flops = flops
        self.fullModelFlops = fullModelFlops
        self.cost = cost
        self.fullModelCost = fullModelCost
    }

    private static func step(_ value: JSONValue) -> Step {
        Step(
            route: Route(
                Capability(rawValue: value["capability"]?.string ?? ""), value["task"]?.string ?? ""),
            status: value["status"]?.string ?? "",
            items: value["items"]?.map { item in
                Item(
                    text: item["text"]?.string ?? "", label: item["label"]?.string,
                    confidence: item["confidence"]?.double,
                    decidedBy: item["decidedBy"]?.string.flatMap(Answer.DecidedBy.init(rawValue:)),
                    isDegraded: item["degraded"]?.bool ?? false,
                    isTruncated: item["truncated"]?.bool ?? false)
            } ?? [])
    }

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
                    "\(step.route)".visible, (item.label ?? step.status).visible,
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
            }
        }
        return lines.joined(separator: "\n")
    }

    private static let (leastText, mostText) = (20, 60)

    private static func quoted(_ text: String, within room: Int) -> String {
        "\"\(text.shortened(to: 4 * mostText).visible.shortened(to: min(mostText, room)))\""
    }
}
