import Contracts

/// Opens the clients of one message bus, so that a service can be built without naming an adapter.
public protocol MessageBusClients: Sendable {
    /// - Throws: `MessageBusError`
    func producer() throws -> any MessageProducer

    /// Opens topics whose records may arrive half a second late: operators' commands, cancellations and certificates.
    /// - Throws: `MessageBusError`, retriable while the cluster does not answer.
    func reader(of starts: [String: ReadStart]) async throws -> any MessageReader

    /// - Throws: `MessageBusError`
    func consumer(_ lane: Lane, group: String, topics: [String]) throws -> any MessageConsumer
}
