import Client
import Contracts
import Evaluation
import Inference
import MessageBus
import PostgresStore
import Store

extension EvaluationRun {
    /// Sends a labelled file through the running suite, and runs both models alone on the same items.
    /// - Parameter verb: the verb that complaints name.
    init(
        of file: LabelledFile, _ session: Session, catalog: Catalog, timeout: Int, verb: String
    ) async throws {
        file.complainOfRejected(verb)
        // A missing database is found here, and not only after all requests were answered.
        let certificates = try await PostgresStore(try session.postgres()).standingCertificates()
        let items = file.items.inLanguages(of: catalog), others = file.items.count - items.count
        if others > 0 {
            Console.complain(
                "winnow \(verb): \(others) items in languages that the small models were not cut for are left out")
        }
        guard !items.isEmpty else {
            throw LabelledFileError("\(file.path) contains no items in the languages of their tasks")
        }
        let chunks = Self.chunks(of: items)
        let results = try await Self.throughSuite(chunks, session, timeout, verb)
        let rejected = chunks.filter { results[$0.eventID]?.isRejected == true }
        if let first = rejected.first {
            Console.complain(
                "winnow \(verb): the suite rejected \(rejected.count) of \(chunks.count) requests, and omits their"
                    + " items: \(results[first.eventID]?.error ?? "")")
        }
        try await self.init(
            chunks.filter { results[$0.eventID]?.isRejected != true }, results: results,
            rejectedRows: file.rejected.count + rejected.reduce(0) { $0 + $1.items.count }, otherLanguages: others,
            certificates: certificates,
            full: { try session.model(\.full, of: $0, catalog) },
            small: { try session.model(\.small, of: $0, catalog) },
            progress: { Console.progress("comparing \($0)") })
        Console.progress("")
    }

    /// The exit status of the verb.
    var status: ExitStatus { isAnswered ? isCompleted ? .ok : .notCompleted : .failed }

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
