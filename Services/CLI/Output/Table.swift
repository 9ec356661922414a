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

    /// - Parameter width: columns of the terminal; `nil` for as many as it takes. Cells are wrapped to fit. Where that is
    ///   not enough the remaining columns follow as further tables, each with the first column again. Nothing is cut off.
    func text(fitting width: Int?) -> String {
        let layout = TableLayout(self)
        guard let width else { return layout.text(Array(columns.indices), widths: layout.natural) }
        return layout.blocks(within: width)
            .map { layout.text($0, widths: layout.widths(of: $0, within: width)) }
            .joined(separator: "\n\n")
    }
}

extension Table.Cell {
    var shown: String {
        switch self {
        case .text(let text), .number(let text): text.visible
        case .none: ""
        }
    }
}

/// How wide each column of a table is.
private struct TableLayout {
    private static let gap = 2
    /// A longer word is broken. Ids of requests, instances and certificates are shorter, so that they can be copied.
    private static let longestWord = 40

    /// The column names, and then the rows.
    private let lines: [[String]]
    private let isNumber: [Bool]
    /// What each column would like to have.
    let natural: [Int]
    /// What each column needs.
    private let least: [Int]

    init(_ table: Table) {
        let lines = [table.columns] + table.rows.map { $0.map(\.shown) }
        let isNumber = table.columns.indices.map { column in
            table.rows.contains { if case .number = $0[column] { true } else { false } }
        }
        self.lines = lines
        self.isNumber = isNumber
        natural = table.columns.indices.map { column in lines.map { $0[column].columns }.max() ?? 0 }
        least = table.columns.indices.map { column in
            lines.enumerated().map { index, line in
                // A number is never broken.
                isNumber[column] && index > 0 ? line[column].columns : min(line[column].longestPiece, Self.longestWord)
            }.max() ?? 0
        }
    }

    /// Which columns stand beside each other; the first one is in every block.
    func blocks(within width: Int) -> [[Int]] {
        guard let key = least.first else { return [[]] }
        var blocks: [[Int]] = []
        var block = [0], taken = key
        for column in least.indices.dropFirst() {
            if taken + Self.gap + least[column] > width, block.count > 1 {
                blocks.append(block)
                (block, taken) = ([0], key)
            }
            block.append(column)
            taken += Self.gap + least[column]
        }
        return blocks + [block]
    }

    /// By column of the table; those outside the block are not used.
    func widths(of block: [Int], within width: Int) -> [Int] {
        var widths = least
        let gaps = Self.gap * (block.count - 1)
        var room = width - gaps - block.reduce(0) { $0 + least[$1] }
        // The columns that lack most share what is left.
        while room > 0 {
            guard let widest = block.max(by: { natural[$0] - widths[$0] < natural[$1] - widths[$1] }),
                natural[widest] > widths[widest]
            else { break }
            widths[widest] += 1
            room -= 1
        }
        return widths
    }

    func text(_ block: [Int], widths: [Int]) -> String {
        lines.flatMap { line in
            let cells = block.map { line[$0].wrapped(to: max(1, widths[$0])) }
            return (0..<(cells.map(\.count).max() ?? 0)).map { row in
                zip(block, cells).map { column, cell in
                    (row < cell.count ? cell[row] : "").padded(to: widths[column], isNumber: isNumber[column])
                }.joined(separator: String(repeating: " ", count: Self.gap)).trimmingTrailingSpaces
            }
        }.joined(separator: "\n")
    }
}
