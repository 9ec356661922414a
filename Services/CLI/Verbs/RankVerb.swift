import Contracts
import Evaluation
import Inference
import PostgresStore
import Store

/// Ranks the models to cut next by what they would save, and groups the items that fit no capability.
struct RankVerb: Verb {
    static let name = "rank"
    static let summary = "rank the models to cut next by what they would save, and find missing capabilities"
    static let help = """
        Usage: winnow rank [--days N] [--propose] [--json]

        Ranks capabilities and tasks by what a new cut would save in N days (default 30): escalated items × the full
        model's cost per item × the share of them that a model would answer itself if it knew when it is right. The
        share is measured on escalated items, as the share of the small model's guesses that equal the full model's
        answer, with an exact 95% interval. The lower end of the interval decides the rank.

          --propose   also cluster the items that fit no capability by meaning, and propose each cluster as a capability,
                      with the ids of examples and their cost. Reads payload, prints none of it, and needs a login with
                      the right to read payload.
        """
    static let flags: Set<String> = ["--json", "--propose"]

    private static let mostItems = 2_000

    private let days: Int
    private let proposes: Bool
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        days = try arguments.integer("--days", default: 30, in: 1...3660)
        proposes = arguments.flag("--propose")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let reader = OperationsReader(try session.postgres())
        let ranked = Prospect.ranked(try await reader.use(days: days))
        let proposals = proposes ? try await proposals(reader, session) : nil
        if isJSON {
            Console.print(RankReport(days: days, tasks: ranked, proposals: proposals).json)
        } else {
            show(ranked, proposals)
        }
        return .ok
    }

    private func proposals(_ reader: OperationsReader, _ session: Session) async throws -> [Proposal] {
        let items = try await reader.unrouted(days: days, limit: Self.mostItems)
        guard !items.isEmpty else { return [] }
        Console.progress("reading \(items.count) items that no capability fits")
        let model = try EncoderClassifier(
            directory: session.modelsDirectory + "/full", catalog: try session.catalog())
        let clusters = Clusters(of: try model.embeddings(items.map(\.text)))
        Console.progress("")
        return zip(clusters.members, clusters.cohesion).map { members, cohesion in
            Proposal(items: members.map { items[$0] }, of: items.count, cohesion: cohesion)
        }
    }

    private func show(_ ranked: [Prospect], _ proposals: [Proposal]?) {
        let columns = [
            "rank", "task", "items", "escalated", "escalation_cost", "would_accept", "saves", "reason",
        ]
        let table = Table(
            columns: columns,
            rows: ranked.enumerated().map { index, prospect in
                [
                    .number("\(index + 1)"), .text("\(prospect.use.route)"), .number("\(prospect.use.items)"),
                    .number("\(prospect.use.escalatedItems)"), .number(prospect.use.escalationCost.short),
                    .text(prospect.acceptedShare.text), .text(prospect.savingText), .text(prospect.reason),
                ]
            })
        Console.print(table, asJSON: false)
        guard let proposals else { return }
        guard !proposals.isEmpty else { return Console.print("\nToo few unrouted items to propose a capability.") }
        let proposed = Table(
            columns: ["proposal", "items", "share", "cohesion", "cost", "flops", "examples"],
            rows: proposals.enumerated().map { index, proposal in
                [
                    .text("capability-\(index + 1)"), .number("\(proposal.items.count)"),
                    .number(proposal.share.percent),
                    .number("\((proposal.cohesion * 100).rounded() / 100)"), .number(proposal.cost.short),
                    .number("\(proposal.flops)"), .text(proposal.examples(RankReport.examples).joined(separator: " ")),
                ]
            })
        Console.print("")
        Console.print(proposed, asJSON: false)
    }
}

extension Prospect {
    fileprivate var savingText: String {
        func dollars(_ amount: Double) -> String {
            amount.isNaN ? "-" : PicoDollars(rounding: amount).short
        }
        return saving.text(dollars)
    }
}
