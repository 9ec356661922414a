import Contracts
import MessageBus

/// The results of submitted requests, in the order of their arrival. See `Client.results`.
public struct Results: AsyncSequence, Sendable {
    /// The first result of a request.
    public struct Element: Sendable, Equatable {
        /// The id of the request.
        public let eventID: EventID
        /// The result's JSON, byte for byte. `RequestResult` decodes it.
        public let body: [UInt8]
    }

    let client: Client
    let requests: [PendingRequest]
    let reader: any PolledReader
    let timeout: Duration
    let maxInFlight: Int

    /// A new iterator submits the requests again.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    /// Submits and reads in turn, within the calls of `next`.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let results: Results
        private var window: InFlightWindow
        private var arrived: ArraySlice<Element> = []
        private var clock: (deadline: ContinuousClock.Instant, askAgainAt: ContinuousClock.Instant)?

        private static let mostBytesInFlight = 4 << 20
        /// The most requests that are sent between two reads.
        private static let chunk = 500
        /// How long a read waits for a record, if nothing was sent before it.
        private static let poll = Duration.milliseconds(200)
        /// The time that a result may take from Postgres to the client before it is requested again.
        private static let patienceMilliseconds: Int64 = 5_000

        init(_ results: Results) {
            self.results = results
            window = InFlightWindow(
                results.requests, mostUnderWay: results.maxInFlight, mostBytes: Self.mostBytesInFlight)
        }

        /// - Returns: `nil` when the sequence has ended.
        /// - Throws: `MessageBusError`, `StoreError`
        public mutating func next() async throws -> Element? {
            while arrived.isEmpty {
                guard !window.isDone, try await advance() else { return nil }
            }
            return arrived.popFirst()
        }

        /// Sends what the window has room for, and reads once.
        /// - Returns: `false` if the time is over or the reader was stopped.
        private mutating func advance() async throws -> Bool {
            let now = results.client.now()
            let patience = Duration.milliseconds(Self.patienceMilliseconds)
            var clock = clock ?? (now + results.timeout, now + patience)
            defer { self.clock = clock }
            guard now < clock.deadline else { return false }
            let departing = window.departures(atMost: Self.chunk)
            for id in try await results.client.submit(departing) where window.arrived(id) {
                arrived.append(Element(eventID: id, body: RequestResult.rejection(of: id, .idReused)))
            }
            let wait = departing.isEmpty ? Self.poll : .zero
            guard let batch = try await results.reader.nextBatch(within: wait) else { return !arrived.isEmpty }
            for record in batch {
                guard let event = try? CloudEvent(record), TenantID(authID: event.authID) == results.client.tenant,
                    let body = event.data, let id = try? RequestResult.id(of: body), window.arrived(id)
                else { continue }
                arrived.append(Element(eventID: id, body: body))
            }
            if results.client.now() > clock.askAgainAt {
                try await results.client.submitAgain(
                    window.underWay, answeredBefore: Timestamp.now.adding(milliseconds: -Self.patienceMilliseconds))
                clock.askAgainAt = results.client.now() + patience
            }
            return true
        }
    }
}
