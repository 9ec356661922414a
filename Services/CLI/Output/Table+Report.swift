import PostgresStore

extension Table {
    init(_ report: OperationsReport) {
        self.init(
            columns: report.columns.map(\.name),
            rows: report.rows.map { row in
                zip(report.columns, row).map { column, value in
                    guard let value else { return .none }
                    return column.isNumber ? .number(value) : .text(value)
                }
            })
    }
}
