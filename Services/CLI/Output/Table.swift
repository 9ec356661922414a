import Contracts
import JSON
import PostgresStore

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

    /// - Parameter width: the columns of the terminal; `nil` for no limit. Cells are wrapped to fit. If that is not
    ///   enough, the remaining columns follow as further tables, each with the first column again. Nothing is cut off.
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

/// Computes the widths of a table's columns.
private struct TableLayout {
    private static let gap = 2
    /// Longer words are broken. Ids of requests, instances and certificates are shorter, so they stay whole and can be
    /// copied.
    private static let longestWord = 40

    /// The column names, followed by the rows.
    private let lines: [[String]]
    private let isNumber: [Bool]
    /// The width of each column without wrapping.
    let natural: [Int]
    /// The minimum width of each column.
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
                // Numbers are never broken.
                isNumber[column] && index > 0 ? line[column].columns : min(line[column].longestPiece, Self.longestWord)
            }.max() ?? 0
        }
    }

    /// Groups the columns that fit beside each other. Every block begins with the first column.
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

    /// Returns a width for each column of the table. Widths of columns outside the block are not used.
    func widths(of block: [Int], within width: Int) -> [Int] {
        var widths = least
        let gaps = Self.gap * (block.count - 1)
        var room = width - gaps - block.reduce(0) { $0 + least[$1] }
        // The remaining room goes to the columns that lack most.
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

/// Text on a terminal, where a character takes one or two columns.
extension String {
    var columns: Int { reduce(0) { $0 + $1.columns } }

    func padded(to width: Int, isNumber: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - columns))
        return isNumber ? space + self : self + space
    }

    /// Returns one line of at most `width` columns.
    func shortened(to width: Int) -> String {
        let line = String(map { $0.isNewline ? " " : $0 })
        guard line.columns > width else { return line }
        var (kept, taken) = ("", 0)
        for character in line {
            taken += character.columns
            guard taken < width else { break }
            kept.append(character)
        }
        return kept + "…"
    }

    /// Returns lines of at most `width` columns, broken after a space or an underscore if possible.
    func wrapped(to width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for piece in pieces {
            if !line.isEmpty, line.columns + piece.trimmingTrailingSpaces.columns > width {
                lines.append(line.trimmingTrailingSpaces)
                line = ""
            }
            line += piece
            while line.trimmingTrailingSpaces.columns > width {
                var (head, taken) = ("", 0)
                for character in line {
                    taken += character.columns
                    guard taken <= width || head.isEmpty else { break }
                    head.append(character)
                }
                lines.append(head)
                line.removeFirst(head.count)
            }
        }
        lines.append(line.trimmingTrailingSpaces)
        return lines
    }

    /// The columns of the longest unbreakable piece.
    var longestPiece: Int { pieces.map(\.trimmingTrailingSpaces.columns).max() ?? 0 }

    var trimmingTrailingSpaces: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Words with the spaces that follow them. Words are also cut after each underscore.
    private var pieces: [String] {
        var pieces: [String] = []
        var piece = ""
        for character in self {
            if let last = piece.last, last == " " && character != " " || last == "_" {
                pieces.append(piece)
                piece = ""
            }
            piece.append(character)
        }
        return pieces + (piece.isEmpty ? [] : [piece])
    }
}

extension Character {
    /// - Source: Unicode, UAX 11 (East Asian width); the blocks whose characters are wide or full-width
    var columns: Int {
        guard let scalar = unicodeScalars.first, scalar.value >= 0x1100 else { return 1 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF,
            0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}

extension Table {
    init(_ report: OperationsReport) {
        self.init(
            columns: report.columns.map(\.name),
            rows: report.rows.map { row in zip(report.columns, row).map { Self.cell($0, $1) } })
    }

    /// For programs the table has every column. For people it shows each amount of money once.
    static func showing(_ report: OperationsReport, asJSON isJSON: Bool) -> Table {
        isJSON ? Table(report) : Table(forPeople: report)
    }

    /// Shows each amount of money once, in the most readable unit: nano-USD if all amounts of the column are small, USD
    /// otherwise.
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
    /// - Parameter text: a whole number of any size.
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

extension OperationsReport {
    /// - Source: RFC 4180. A missing value is an empty field.
    var csv: String {
        ([columns.map { $0.name as String? }] + rows)
            .map { row in row.map { Self.field($0 ?? "") }.joined(separator: ",") }
            .joined(separator: "\n")
    }

    private static func field(_ text: String) -> String {
        guard text.contains(where: { ["\"", ","].contains($0) || $0.isNewline }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
