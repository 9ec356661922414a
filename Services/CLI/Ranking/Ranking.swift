import Certification
import Contracts
import PostgresStore

/// What cutting a task's model anew would save, by what is known of it.
struct Prospect {
    let use: TaskUse
    /// The share of what escalates now that a next cut is expected to answer itself, with its 95% interval.
    let acceptedShare: Figure
    /// Pico-USD in the period: use × what the full model costs an item × that share.
    let saving: Figure

    /// A model that knew when it is right would answer itself what it guessed right: of escalated items so many.
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

    /// By what is saved at least: a guess from few items must not come first.
    static func ranked(_ uses: [TaskUse]) -> [Prospect] {
        uses.map(Prospect.init).sorted {
            ($0.saving.low, $0.use.escalationCost, $0.use.items) > ($1.saving.low, $1.use.escalationCost, $1.use.items)
        }
    }

    var escalatedShare: Double {
        use.items > 0 ? min(1, Double(use.escalatedItems) / Double(use.items)) : .nan
    }

    var reason: String {
        guard use.escalatedItems > 0 else { return "nothing escalates: there is nothing left to save" }
        let why =
            use.route == .decomposition
            ? "the router leaves \(escalatedShare.percent)% of its items to the full model"
            : use.isCertified
                ? "\(escalatedShare.percent)% escalates past its certificate"
                : "no certificate stands, so everything escalates"
        guard use.guessedItems > 0 else { return why + "; how much of it a small model would have right is not known" }
        let model = use.route == .decomposition ? "router" : "small model"
        let right = "of \(use.guessedItems) escalated items the \(model) had \(acceptedShare.value.percent)% right"
        let remedy =
            acceptedShare.value > 0.9
            ? "what it lacks is knowing when: calibrate, or certify on more items"
            : "cut or distil it anew for the others"
        return "\(why); \(right): \(remedy)"
    }
}
