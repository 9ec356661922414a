import Client
import Contracts
import Inference
import MessageBus
import PostgresStore
import Store

/// Sends a labelled file through the running suite, and runs both models alone on the same items.
struct EvaluationRun {
    struct Request {
        var chunk: EvaluationChunk
        /// `nil` if the suite did not answer in time.
        var result: RequestResult?
        /// One prediction for each item.
        var small: [Prediction]
        var full: [Prediction]
        /// `Certificate.tieShare` of the task's certificate; 1 if there is none.
        var tieShare: Double

        /// Returns whether the task's certificate accepts the answer as the full model's.
        func isPromised(_ label: String?, _ index: Int) -> Bool {
            label.map { full[index].accepts($0, from: tieShare) } ?? false
        }
    }

    /// Sorted by task name. Requests that the suite rejected are omitted, because their items were not measured.
    private(set) var requests: [Request] = []
    /// Rows that were not measured, because no request can carry them or the suite rejected their request.
    private(set) var rejectedRows: Int

    /// Several items in each request, as a machine client would send them, and few enough to give the bootstrap many
    /// requests.
    private static let itemsPerRequest = 8

    /// The exit status of the verb.
    var status: ExitStatus {
        guard requests.allSatisfy({ $0.result != nil }) else { return .failed }
        return rejectedRows == 0 && requests.allSatisfy { $0.result?.isCompleted == true } ? .ok : .notCompleted
    }

    /// - Parameter verb: the verb that complaints name.
    init(of file: LabelledFile, _ session: Session, timeout: Int, verb: String) async throws {
        file.complainOfRejected(verb)
        rejectedRows = file.rejected.count
        // A missing database is found here, and not only after all requests were answered.
        let certificates = try await PostgresStore(try session.postgres()).standingCertificates()
        let chunks = Self.chunks(of: file.items)
        let results = try await Self.throughSuite(chunks, session, timeout, verb)
        let rejected = chunks.filter { results[$0.eventID]?.isRejected == true }
        rejectedRows += rejected.reduce(0) { $0 + $1.items.count }
        if let first = rejected.first {
            Console.complain(
                "winnow \(verb): the suite rejected \(rejected.count) of \(chunks.count) requests, and omits their"
                    + " items: \(results[first.eventID]?.error ?? "")")
        }
        let measured = chunks.filter { results[$0.eventID]?.isRejected != true }
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
                        tieShare: certificate?.tieShare ?? 1))
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

    /// Groups items into requests, bounded by the number of items and by the bytes of a request.
    private static func groups(of items: [LabelledItem]) -> [[LabelledItem]] {
        var groups: [[LabelledItem]] = []
        var bytes = 0
        for item in items {
            // The sum overestimates the request, because each item's size includes the rest of a request.
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
    ) async throws -> [EventID: RequestResult] {
        let (client, reader) = try await session.clientAndResults(of: TenantID(rawValue: "winnow-evaluate"))
        let answers = client.results(
            of: chunks.map(\.pending), from: reader, timeout: .seconds(timeout), maxInFlight: 200)
        var results: [EventID: RequestResult] = [:]
        for try await result in answers {
            results[result.eventID] = try RequestResult(result.body)
            Console.progress("\(results.count) of \(chunks.count) requests answered")
        }
        reader.stop()
        await client.close()
        guard !results.isEmpty else { throw SilentSuiteError(seconds: timeout) }
        let missing = chunks.count - results.count
        if missing > 0 {
            Console.complain("winnow \(verb): \(missing) of \(chunks.count) requests without a result")
        }
        return results
    }
}

/// No request had a result in time, so there is nothing to measure.
struct SilentSuiteError: Error, CustomStringConvertible {
    let seconds: Int

    var description: String { "the suite answered nothing within \(seconds) s. 'winnow doctor' checks whether it runs" }
}

/// Items of one task that the suite receives in one machine request.
struct EvaluationChunk: Sendable {
    var eventID: EventID
    var route: Route
    var items: [LabelledItem]

    var pending: PendingRequest {
        PendingRequest(
            Request(
                eventID: eventID, channel: .machine, steps: [RequestedStep(route: route, items: items.map(\.text))]))
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
