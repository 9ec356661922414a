/// Reads the `ops` views for people and programs; every value as text.
public final class OperationsReader: Sendable {
    private let session: PostgresSession

    public init(_ settings: PostgresSettings) { session = PostgresSession(settings) }
    public func costs(by grouping: CostGrouping) async throws -> OperationsReport { OperationsReport(columns: [], rows: []) }
    public func savings() async throws -> OperationsReport { OperationsReport(columns: [], rows: []) }
    public func timeline(of id: String) async throws -> OperationsReport { OperationsReport(columns: [], rows: []) }
}
public enum CostGrouping: String, Sendable, CaseIterable { case capability, task, model, tenant, hour }
public struct OperationsReport: Sendable {
    public struct Column: Sendable { public let name: String; public let isNumber: Bool }
    public let columns: [Column]
    public let rows: [[String?]]
}
