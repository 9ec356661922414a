import JSON

/// Rows under column names: text for people, an array of objects for programs.
struct Table {
    enum Cell {
        case text(String)
        case number(String)
        case none
    }

    var columns: [String]
    var rows: [[Cell]]

    var json: String {
        var writer = JSONWriter()
        writer.array(rows) { writer, row in
            writer.object { body in
                for (column, cell) in zip(columns, row) {
                    body.name(column)
                    switch cell {
                    case .text(let text): body.string(text)
                    case .number(let number): body.raw(number)
                    case .none: body.null()
                    }
                }
            }
        }
        return writer.text
    }

    var text: String {
        let cells = rows.map { $0.map(\.shown) }
        let widths = columns.indices.map { column in
            ([columns[column]] + cells.map { $0[column] }).map(\.count).max() ?? 0
        }
        let isNumber = columns.indices.map { column in
            rows.contains { if case .number = $0[column] { true } else { false } }
        }
        return ([columns] + cells)
            .map { row in
                row.indices.map { row[$0].padded(to: widths[$0], isNumber: isNumber[$0]) }
                    .joined(separator: "  ").trimmingTrailingSpaces
            }
            .joined(separator: "\n")
    }
}

extension Table.Cell {
    var shown: String {
        switch self {
        case .text(let text), .number(let text): text
        case .none: ""
        }
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
