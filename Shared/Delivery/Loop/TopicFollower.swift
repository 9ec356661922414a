import Contracts
import Lifecycle
import MessageBus
import Signing
import Synchronization
import Telemetry

/// Follows topics without a consumer group, all of them through one client. Every instance reads all records of each
/// topic.
///
/// It delivers the existing records of a topic and then new ones. After any error it reopens the topics, for as long as
/// the process runs, since a broker may come back, a missing topic may be created, or an access right may be granted.
/// If any topic is missing, none of them is read.
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
    ///   - signing: determines which records are delivered to followers. Others are ignored.
    ///   - retry: the initial delay before the topics are reopened after an error that needs an operator. The delay
    ///     grows to sixty times this value.
    ///   - open: opens a reader.
    public init(
        signing: RecordSigning = .none, logger: Logger, retry: Duration = .seconds(1), open: @escaping Opening
    ) {
        self.signing = signing
        self.logger = logger
        self.retry = retry
        self.open = open
    }

    /// Delivers every batch of a topic to `body`. Must be called before `run`, once per topic.
    /// - Parameter caughtUp: fires once all records that existed at the beginning are delivered.
    public func follow(
        _ topic: String, from start: ReadStart, _ caughtUp: Signal, _ body: @escaping @Sendable ([Record]) -> Void
    ) {
        followers.withLock { $0.append(Follower(topic: topic, start: start, caughtUp: caughtUp, body: body)) }
    }

    /// Runs until shutdown. An error does not end the service, since a process must work even if it may not read the
    /// topics.
    public func run() async throws {
        let followers = followers.withLock(\.self)
        // When this service ends, nobody may wait for records any longer.
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
                // Ends when the reader is stopped. A reader that ends on its own is reopened, like a reader that fails.
                wait = backoff.next(using: &generator)
            } catch let error as MessageBusError where error.isRetriable {
                if error.code == .unknownTopic { for follower in followers { follower.caughtUp.fire() } }
                logger.warning("Topics are unavailable", metadata: metadata(error, starts))
                wait = backoff.next(using: &generator)
            } catch is CancellationError {
                return
            } catch {
                // Lets tasks that wait for `caughtUp` continue without the topics, since an operator may need a long
                // time to fix the cause. Reading resumes after that.
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
