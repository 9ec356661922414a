import Contracts
import PostgresStore

extension Table {
    init(_ report: OperationsReport) {
        self.init(
            columns: report.columns.map(\.name),
            rows: report.rows.map { row in zip(report.columns, row).map { Self.cell($0, $1) } })
    }

    /// Every column for programs; each amount of money once for people.
    static func showing(_ report: OperationsReport, asJSON isJSON: Bool) -> Table {
        isJSON ? Table(report) : Table(forPeople: report)
    }

    /// With each amount of money once, in the unit that reads best: a column of pico-USD becomes one of nano-USD where all of
    /// it is small, and of USD otherwise.
    init(forPeople report: OperationsReport) {
        let names = Set(report.columns.map(\.name))
        self.init(columns: [], rows: report.rows.map { _ in [] })
        for (place, column) in report.columns.enumerated() {
            let values = report.rows.map { $0[place] }
            if let stem = column.name.stem(before: "_pico_usd") {
                append(money: stem, values.map { $0.flatMap(PicoDollars.init(pico:)) })
            } else if let stem = column.name.stem(before: "_usd"), names.contains(stem + "_pico_usd") {
                continue
            } else {
                append(column.name, values.map { Self.cell(column, $0) })
            }
        }
    }

    private mutating func append(money stem: String, _ amounts: [PicoDollars?]) {
        let isSmall = amounts.allSatisfy { $0?.isSmall ?? true }
        append(
            stem + (isSmall ? "_nano_usd" : "_usd"),
            amounts.map { amount in
                guard let amount else { return .none }
                return .number(isSmall ? amount.nano : amount.usd)
            })
    }

    private mutating func append(_ name: String, _ cells: [Cell]) {
        columns.append(name)
        for (row, cell) in cells.enumerated() { rows[row].append(cell) }
    }

    private static func cell(_ column: OperationsReport.Column, _ value: String?) -> Cell {
        guard let value else { return .none }
        return column.isNumber ? .number(value) : .text(value)
    }
}

extension PicoDollars {
    /// - Parameter text: a whole number, as large as it may be.
    fileprivate init?(pico text: String) {
        guard let amount = Int64(text) ?? Double(text).map({ $0 < 0 ? .min : .max }) else { return nil }
        self.init(amount)
    }
}

extension String {
    fileprivate func stem(before suffix: String) -> String? {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : nil
    }
}
