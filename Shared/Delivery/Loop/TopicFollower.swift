import Contracts
import Lifecycle
import MessageBus
import Signing
import Synchronization
import Telemetry

/// Follows topics without a group, all of them through one client: every instance reads all of each.
///
/// It hands on what a topic held at the beginning and what comes later. After any fault it opens the topics again, for as
/// long as the process runs: a broker comes back, a missing topic is created, a right is granted. If any topic is missing,
/// none is read until it is there.
public final class TopicFollower: Service {
    public typealias Opening = @Sendable ([String: ReadStart]) async throws -> any MessageReader

    private struct Follower: Sendable {
        let topic: String
        let start: ReadStart
        let caughtUp: Signal
        let body: @Sendable ([Record]) -> Void
    }

    private let open: Opening
    private let signing: RecordSigning
    private let logger: Logger
    private let retry: Duration
    private let followers = Mutex<[Follower]>([])

    /// - Parameters:
    ///   - signing: says which records followers get; the others are ignored.
    ///   - retry: how soon topics are opened again after a fault that needs an operator, at first; up to sixty times that
    ///     later.
    ///   - open: begins to read.
    public init(
        signing: RecordSigning = .none, logger: Logger, retry: Duration = .seconds(1), open: @escaping Opening
    ) {
        self.signing = signing
        self.logger = logger
        self.retry = retry
        self.open = open
    }

    /// Hands every batch of a topic to `body`. To be called before `run`, once a topic.
    /// - Parameter caughtUp: told once everything that was there at the beginning is handed on.
    public func follow(
        _ topic: String, from start: ReadStart, _ caughtUp: Signal, _ body: @escaping @Sendable ([Record]) -> Void
    ) {
        followers.withLock { $0.append(Follower(topic: topic, start: start, caughtUp: caughtUp, body: body)) }
    }

    /// A cluster that lets nobody read the topics is no reason not to work: a fault ends nothing.
    public func run() async throws {
        let followers = followers.withLock(\.self)
        // At the end of the process nobody waits any longer.
        defer { for follower in followers { follower.caughtUp.fire() } }
        guard !followers.isEmpty else { return await gracefulShutdown() }
        let starts = Dictionary(followers.map { ($0.topic, $0.start) }) { $1 }
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var slowBackoff = Backoff(first: retry, most: retry * 60)
        var wait: Duration
        repeat {
            do {
                try await read(try await open(starts), followers)
                // It ends when it is stopped. A reader that ends by itself is opened again like one that fails.
                wait = backoff.next(using: &generator)
            } catch let error as MessageBusError where error.isRetriable {
                if error.code == .unknownTopic { for follower in followers { follower.caughtUp.fire() } }
                logger.warning("Topics are not read", metadata: metadata(error, starts))
                wait = backoff.next(using: &generator)
            } catch is CancellationError {
                return
            } catch {
                // Nobody waits for what may take an operator; once he has mended it, reading goes on.
                for follower in followers { follower.caughtUp.fire() }
                logger.error("Topics cannot be read", metadata: metadata(error, starts))
                wait = slowBackoff.next(using: &generator)
            }
        } while await sleepUnlessShutDown(for: wait)
    }

    private func read(_ reader: any MessageReader, _ followers: [Follower]) async throws {
        try await withGracefulShutdownHandler {
            var backlog = reader.backlog
            catchUp(followers, backlog)
            while let records = try await reader.nextBatch() {
                let accepted = records.filter(signing.accepts)
                for follower in followers {
                    let own = accepted.filter { $0.topic == follower.topic }
                    if !own.isEmpty { follower.body(own) }
                }
                guard !backlog.isEmpty else { continue }
                for record in records {
                    let partition = TopicPartition(topic: record.topic, partition: record.partition)
                    if let end = backlog[partition], record.offset + 1 >= end { backlog[partition] = nil }
                }
                catchUp(followers, backlog)
            }
        } onGracefulShutdown: {
            reader.stop()
        }
    }

    private func catchUp(_ followers: [Follower], _ backlog: [TopicPartition: Int64]) {
        let open = Set(backlog.keys.map(\.topic))
        for follower in followers where !open.contains(follower.topic) { follower.caughtUp.fire() }
    }

    private func metadata(_ error: any Error, _ starts: [String: ReadStart]) -> Logger.Metadata {
        [LogKeys.destination: starts.keys.sorted().joined(separator: " "), LogKeys.errorMessage: "\(error)"]
    }
}
