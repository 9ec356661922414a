import Contracts
import Delivery
import MessageBus
import Store
import Telemetry

extension Keeper {
    typealias KeeperStore = RequestStore & CancellationQueue & EmissionOutbox & CertificateRegister & AgreementRegister
        & InstanceRegister

    /// The chores that need nothing but seams.
    /// - Parameter connect: opens a connection; chores that may wait for locks share none with the others.
    static func chores(
        service: String, connect: () -> any KeeperStore, producer: any MessageProducer, backlog: any BacklogReader,
        settings: KeeperSettings, logger: Logger, metrics: Metrics, now: @escaping @Sendable () -> Timestamp = { .now }
    ) -> [any Chore] {
        let (requests, emissions, rest) = (connect(), connect(), connect())
        let source = EventSource(service: service)
        let batch = RequestBatch(logger: logger, metrics: metrics)
        let wake = Wake()
        return [
            DeadlineChore(
                interval: settings.interval, store: requests, batch: batch, emissions: wake, limit: settings.limit,
                now: now),
            CancellationChore(
                interval: settings.interval, store: requests, batch: batch, emissions: wake, limit: settings.limit,
                now: now),
            RedriveChore(
                interval: settings.redriveInterval, store: requests, backlog: backlog, batch: batch, emissions: wake,
                settings: settings, now: now),
            LostCallChore(interval: settings.interval, store: requests, settings: settings, logger: logger),
            EmissionChore(
                interval: settings.interval, wake: wake, source: source, store: emissions, producer: producer,
                batch: batch, limit: settings.limit, logger: logger),
            AgreementChore(
                interval: settings.interval, store: rest, limit: settings.limit, logger: logger, metrics: metrics,
                now: now),
            CertificateChore(
                interval: settings.interval, source: source, store: rest, producer: producer,
                republishMilliseconds: settings.republishMilliseconds, logger: logger, metrics: metrics, now: now),
            MaintenanceChore("silent-instances", every: .seconds(60)) {
                try await rest.forgetInstances(silentSince: now().adding(milliseconds: -settings.forgetMilliseconds))
                return .nothing
            },
        ]
    }
}
