/// A table for people and programs; every value as text.
public struct OperationsReport: Sendable, Equatable {
    public struct Column: Sendable, Equatable {
        public let name: String
        public let isNumber: Bool

        public init(_ name: String, isNumber: Bool = false) {
            self.name = name
            self.isNumber = isNumber
        }

        public static func number(_ name: String) -> Column { Column(name, isNumber: true) }
    }

    public let columns: [Column]
    public let rows: [[String?]]

    public init(columns: [Column], rows: [[String?]]) {
        self.columns = columns
        self.rows = rows
    }
}

/// What costs are added up by.
public enum CostGrouping: String, Sendable, CaseIterable { case capability, task, model, tenant, hour }
