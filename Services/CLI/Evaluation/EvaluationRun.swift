import Contracts
import Inference
import PostgresStore
import Store

/// A labelled file through the running suite, with what both models alone make of the same items.
struct EvaluationRun {
    struct Request {
        var chunk: EvaluationChunk
        /// `nil` where the suite did not answer in time.
        var result: ResultView?
        /// One an item.
        var small: [Prediction]
        var full: [Prediction]
        /// `Certificate.equalFrom` of the task's; 1 where none stands.
        var equalFrom: Double

        /// Whether the answer to an item is the full model's in the terms of the task's certificate.
        func isPromised(_ label: String?, _ index: Int) -> Bool {
            label.map { full[index].accepts($0, from: equalFrom) } ?? false
        }
    }

    /// By task, in its name's order. Those that the suite rejected are not in it: their items were not measured.
    private(set) var requests: [Request] = []
    /// Rows that were not measured: no request can carry them, or the suite rejected it.
    private(set) var rejectedRows: Int

    /// Several a request, as a machine would send them, and few enough that the bootstrap has something to draw from.
    private static let itemsPerRequest = 8

    /// How the verb ends.
    var status: ExitStatus {
        guard requests.allSatisfy({ $0.result != nil }) else { return .failed }
        return rejectedRows == 0 && requests.allSatisfy { $0.result?.isCompleted == true } ? .ok : .notCompleted
    }

    /// - Parameter verb: on whose behalf it complains.
    init(of file: LabelledFile, _ session: Session, timeout: Int, verb: String) async throws {
        file.complainOfRejected(verb)
        rejectedRows = file.rejected.count
        // That Postgres cannot be asked is found out now, and not when everything was answered.
        let certificates = try await PostgresStore(try session.postgres()).standingCertificates()
        let chunks = Self.chunks(of: file.items)
        let results = try await Self.throughSuite(chunks, session, timeout, verb)
        let rejected = chunks.filter { results[$0.eventID]?.status == ResultView.rejected }
        rejectedRows += rejected.reduce(0) { $0 + $1.items.count }
        if let first = rejected.first {
            Console.complain(
                "winnow \(verb): the suite rejected \(rejected.count) of \(chunks.count) requests, and their items are left"
                    + " out: \(results[first.eventID]?.error ?? "")")
        }
        let measured = chunks.filter { results[$0.eventID]?.status != ResultView.rejected }
        let full = try EncoderClassifier(directory: session.modelsDirectory + "/full")
        for (route, members) in Dictionary(grouping: measured, by: \.route).sorted(by: { "\($0.key)" < "\($1.key)" }) {
            Console.progress("comparing \(route)")
            let small = try EncoderClassifier(directory: "\(session.modelsDirectory)/\(route.capability)")
            let certificate = certificates.first {
                $0.route == route
                    && $0.covers(small: small.identity.description, full: full.identity.description)
            }
            for chunk in members {
                let texts = chunk.items.map(\.text)
                requests.append(
                    Request(
                        chunk: chunk, result: results[chunk.eventID],
                        small: try await small.classify(texts, as: route),
                        full: try await full.classify(texts, as: route),
                        equalFrom: certificate?.equalFrom ?? 1))
            }
        }
        Console.progress("")
    }

    static func chunks(of items: [LabelledItem]) -> [EvaluationChunk] {
        var generator = SystemRandomNumberGenerator()
        return Dictionary(grouping: items, by: \.route).sorted { "\($0.key)" < "\($1.key)" }.flatMap { route, items in
            groups(of: items).map { items in
                EvaluationChunk(
                    eventID: "evaluate-\(Contracts.Request.ID(using: &generator))", route: route, items: items)
            }
        }
    }

    /// Items of one request each: not too many, and not more bytes than a request may have.
    private static func groups(of items: [LabelledItem]) -> [[LabelledItem]] {
        var groups: [[LabelledItem]] = []
        var bytes = 0
        for item in items {
            // More than the item's share, since each brings the rest of a request again.
            let size = item.request.encode().count
            if let last = groups.last, last.count < itemsPerRequest, bytes + size <= Limits.requestBytes {
                groups[groups.count - 1].append(item)
                bytes += size
            } else {
                groups.append([item])
                bytes = size
            }
        }
        return groups
    }

    private static func throughSuite(
        _ chunks: [EvaluationChunk], _ session: Session, _ timeout: Int, _ verb: String
    ) async throws -> [EventID: ResultView] {
        let exchange = try await Exchange(session, tenant: TenantID(rawValue: "winnow-evaluate"), mostUnderWay: 200)
        var results: [EventID: ResultView] = [:]
        let missing = try await exchange.run(chunks.map(\.pending), timeout: .seconds(timeout)) { id, bytes in
            results[id] = try ResultView(bytes)
            Console.progress("\(results.count) of \(chunks.count) requests answered")
        }
        guard !results.isEmpty else { throw SilentSuiteError(seconds: timeout) }
        if !missing.isEmpty {
            Console.complain("winnow \(verb): \(missing.count) of \(chunks.count) requests without a result")
        }
        return results
    }
}

/// No request had a result in time: there is nothing to measure.
struct SilentSuiteError: Error, CustomStringConvertible {
    let seconds: Int

    var description: String { "the suite answered nothing within \(seconds) s: does it run? 'winnow doctor' looks" }
}

/// Items of one task that go through the suite in one machine request.
struct EvaluationChunk: Sendable {
    var eventID: EventID
    var route: Route
    var items: [LabelledItem]

    var pending: Exchange.Pending {
        let request = Request(
            eventID: eventID, channel: .machine, steps: [RequestedStep(route: route, items: items.map(\.text))])
        return Exchange.Pending(eventID: eventID, bytes: request.encode())
    }
}

extension Scorecard {
    mutating func add(_ request: EvaluationRun.Request) {
        let answers = request.result?.steps.first?.items ?? []
        let verdicts = request.chunk.items.indices.map { index in
            let answer = answers.indices.contains(index) ? answers[index] : nil
            return Verdict(
                label: request.chunk.items[index].label, suite: answer?.label, full: request.full[index].label,
                small: request.small[index].label, isPromised: request.isPromised(answer?.label, index),
                isEscalated: answer?.decidedBy == .full)
        }
        add(verdicts, flops: request.result?.flops ?? 0, fullModelFlops: request.result?.fullModelFlops ?? 0)
    }
}
