import Certification
import Contracts
import JSON
import Store

/// What a new cut of a task's model would save, according to the measured use.
public struct Prospect {
    public let use: TaskUse
    /// The share of currently escalated items that a new cut is expected to answer itself, with its 95% interval.
    public let acceptedShare: Figure
    /// Pico-USD in the period: escalated items × the full model's cost per item × the expected share.
    public let saving: Figure

    /// A model that knew when it is right would answer exactly the items that it guessed right.
    init(_ use: TaskUse) {
        self.use = use
        let guessed = Int(use.guessedItems), agreed = Int(use.agreedItems)
        acceptedShare =
            guessed > 0
            ? Figure(
                value: Double(agreed) / Double(guessed),
                low: ClopperPearson.lower(agreed, of: guessed, confidence: 0.975),
                high: ClopperPearson.upper(agreed, of: guessed, confidence: 0.975))
            : Figure(value: .nan, low: 0, high: 1)
        let cost = Double(use.escalationCost.amount)
        saving = Figure(
            value: acceptedShare.value * cost, low: acceptedShare.low * cost, high: acceptedShare.high * cost)
    }

    /// Sorts by the lower bound of the saving, so that an estimate from few items does not come first.
    public static func ranked(_ uses: [TaskUse]) -> [Prospect] {
        uses.map(Prospect.init).sorted {
            ($0.saving.low, $0.use.escalationCost, $0.use.items) > ($1.saving.low, $1.use.escalationCost, $1.use.items)
        }
    }

    var escalatedShare: Double {
        use.items > 0 ? min(1, Double(use.escalatedItems) / Double(use.items)) : .nan
    }

    /// Why it has its rank, and what would help, in one line.
    public var reason: String {
        guard use.escalatedItems > 0 else { return "nothing escalates, so there is nothing left to save" }
        let why =
            use.route == .decomposition
            ? "the router passes \(escalatedShare.percent)% of its items to the full model"
            : use.isCertified
                ? "\(escalatedShare.percent)% of its items escalate despite its certificate"
                : "no certificate is valid, so everything escalates"
        guard use.guessedItems > 0 else { return why + "; the small model's accuracy on them is unknown" }
        let model = use.route == .decomposition ? "router" : "small model"
        let right = "the \(model) had \(acceptedShare.value.percent)% of \(use.guessedItems) escalated items right"
        let remedy =
            acceptedShare.value > 0.9
            ? "improve its confidence: calibrate, or certify on more items"
            : "cut or distil it again for the others"
        return "\(why); \(right): \(remedy)"
    }
}

/// A group of items that fit no capability.
public struct Proposal {
    /// The items nearest to the centre first.
    public let items: [UnroutedItem]
    /// The share of all items that fit no capability.
    public let share: Double
    /// The mean cosine between the items and their centre.
    public let cohesion: Double

    public init(items: [UnroutedItem], of all: Int, cohesion: Double) {
        self.items = items
        share = Double(items.count) / Double(all)
        self.cohesion = cohesion
    }

    public var cost: PicoDollars { items.reduce(.zero) { $0 + $1.cost } }
    public var flops: Int64 { items.reduce(TokenUsage.zero) { $0 + TokenUsage(inputTokens: 0, flops: $1.flops) }.flops }

    /// Examples as `request/item`, with the item's place in the request's routing.
    public func examples(_ count: Int) -> [String] { items.prefix(count).map { "\($0.request)/\($0.index)" } }
}

/// What `winnow rank` reports to programs.
public struct RankReport {
    public static let examples = 5

    private let days: Int
    private let tasks: [Prospect]
    private let proposals: [Proposal]?

    /// - Parameter proposals: `nil` if none were requested.
    public init(days: Int, tasks: [Prospect], proposals: [Proposal]?) {
        (self.days, self.tasks, self.proposals) = (days, tasks, proposals)
    }

    /// - Shape: `{"days", "tasks": [{"capability", "task", "items", …, "savingPicoUSD", "reason"}], "proposals"?: [{"items",
    ///   "share", "cohesion", "picoUSD", "flops", "examples"}]}`
    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.member("days", days)
            body.name("tasks")
            body.array(tasks) { writer, prospect in
                writer.object { task in
                    task.member("capability", prospect.use.route.capability.rawValue)
                    task.member("task", prospect.use.route.task)
                    task.member("items", prospect.use.items)
                    task.member("escalatedItems", prospect.use.escalatedItems)
                    task.member("escalationPicoUSD", prospect.use.escalationCost.amount)
                    task.member("certified", prospect.use.isCertified)
                    task.name("expectedAcceptedShare")
                    prospect.acceptedShare.write(to: &task)
                    task.name("savingPicoUSD")
                    prospect.saving.write(to: &task) { writer, amount in
                        if amount.isNaN { writer.null() } else { writer.integer(PicoDollars(rounding: amount).amount) }
                    }
                    task.member("reason", prospect.reason)
                }
            }
            guard let proposals else { return }
            body.name("proposals")
            body.array(proposals) { writer, proposal in
                writer.object { group in
                    group.member("items", proposal.items.count)
                    group.name("share")
                    group.double(proposal.share)
                    group.name("cohesion")
                    group.double(proposal.cohesion)
                    group.member("picoUSD", proposal.cost.amount)
                    group.member("flops", proposal.flops)
                    group.name("examples")
                    group.array(proposal.examples(Self.examples)) { $0.string($1) }
                }
            }
        }
        return writer.bytes
    }
}
