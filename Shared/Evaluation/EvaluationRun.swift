import Client
import Contracts
import Inference

/// The answers of the suite, the full model alone and the small model alone to the items of a labelled file.
public struct EvaluationRun: Sendable {
    /// One request, and both models' answers to its items.
    public struct Request: Sendable {
        public let chunk: EvaluationChunk
        /// `nil` if the suite did not answer in time.
        let result: RequestResult?
        /// One prediction for each item.
        let small: [Prediction]
        let full: [Prediction]
        let models: ModelPair
        /// `Certificate.tieShare` of the task's certificate; 1 if there is none.
        let tieShare: Double

        /// Returns whether the task's certificate accepts the answer as the full model's.
        func isPromised(_ label: String?, _ index: Int) -> Bool {
            label.map { full[index].accepts($0, from: tieShare) } ?? false
        }
    }

    /// Sorted by task name. Requests that the suite rejected are omitted, because their items were not measured.
    public private(set) var requests: [Request] = []
    /// Rows that were not measured, because no request can carry them or the suite rejected their request.
    public let rejectedRows: Int
    /// Rows that were not measured, because the small models were not cut for their language.
    public let otherLanguages: Int

    /// Several items in each request, as a machine client would send them, and few enough to give the bootstrap many
    /// requests.
    private static let itemsPerRequest = 8

    /// Whether the suite answered every request in time.
    public var isAnswered: Bool { requests.allSatisfy { $0.result != nil } }

    /// Whether every row was measured, and every request completed.
    public var isCompleted: Bool { rejectedRows == 0 && requests.allSatisfy { $0.result?.isCompleted == true } }

    /// Runs both models on the items.
    /// - Parameters:
    ///   - chunks: without those that the suite rejected.
    ///   - results: the suite's results that arrived in time.
    ///   - full: loads the full model of a route.
    ///   - small: loads the small model of a route.
    ///   - progress: called before the items of a task.
    /// - Throws: `InferenceError`, and errors of `full` and `small`
    public init(
        _ chunks: [EvaluationChunk], results: [EventID: RequestResult], rejectedRows: Int, otherLanguages: Int = 0,
        certificates: [Certificate], full: (Route) throws -> any Classifier,
        small: (Route) throws -> any Classifier,
        progress: (Route) -> Void = { _ in }
    ) async throws {
        self.rejectedRows = rejectedRows
        self.otherLanguages = otherLanguages
        for (route, members) in Dictionary(grouping: chunks, by: \.route).sorted(by: { "\($0.key)" < "\($1.key)" }) {
            progress(route)
            let full = try full(route), small = try small(route)
            let models = ModelPair(small: small.identity(of: route), full: full.identity(of: route))
            let certificate = certificates.first { $0.route == route && $0.covers(models) }
            for chunk in members {
                let texts = chunk.items.map(\.text)
                requests.append(
                    Request(
                        chunk: chunk, result: results[chunk.eventID],
                        small: try await small.classify(texts, as: route),
                        full: try await full.classify(texts, as: route), models: models,
                        tieShare: certificate?.tieShare ?? 1))
            }
        }
    }

    /// Groups the items into machine requests, each of one task and with a new id.
    public static func chunks(of items: [LabelledItem]) -> [EvaluationChunk] {
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
}

/// Items of one task that the suite receives in one machine request.
public struct EvaluationChunk: Sendable {
    public let eventID: EventID
    public let route: Route
    public let items: [LabelledItem]

    /// The machine request.
    public var pending: PendingRequest {
        PendingRequest(
            Request(
                eventID: eventID, channel: .machine,
                steps: [RequestedStep(route: route, items: items.map { .text($0.text) })]))
    }
}
