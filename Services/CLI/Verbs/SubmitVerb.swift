import Contracts

/// Sends requests. With `--wait` it prints a result for each.
struct SubmitVerb: Verb {
    static let name = "submit"
    static let summary = "send requests (JSON Lines), and wait for their results with --wait"
    static let flags: Set<String> = ["--json", "--wait"]
    static let help = """
        Usage: winnow submit [--file FILE|-] [--tenant TENANT] [--lane LANE] [--wait] [--timeout SECONDS] [--json]

        Reads one request per line: {"text": …} with optional "id", "channel" (human|machine), "attachments"
        ([{"name", "mediaType", "text"}]), "steps" ([{"capability", "task", "items", "dependsOn"}]) and "deadline"
        (RFC 3339). A request without "id" gets a new one.

          --file FILE        the input: a file, a pipe, or - for standard input (default -)
          --tenant TENANT    the tenant of the requests (default "default")
          --lane LANE        interactive, or bulk for background work (default interactive)
          --wait             wait for the results and print them, in the order of the lines
          --timeout SECONDS  how long to wait (default 120)
          --json             with --wait a result per line; without it {"id"} per line

        A line with the id of an earlier request and another body is rejected as id_reused.

        Exits with 1 if a result is missing after the timeout. Exits with 4 if every result arrived, but a line could
        not be sent or a request was not completed: rejected, failed, expired or cancelled.
        """

    private let file: String
    private let tenant: TenantID
    private let lane: Lane
    private let isWaiting: Bool
    private let timeout: Int
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        file = arguments.value("--file") ?? "-"
        tenant = try Arguments.tenant(arguments.value("--tenant") ?? TenantID.default.rawValue, "--tenant")
        let name = arguments.value("--lane") ?? Lane.interactive.rawValue
        guard let lane = Lane(rawValue: name) else { throw UsageError("--lane must be interactive or bulk") }
        self.lane = lane
        isWaiting = arguments.flag("--wait")
        timeout = try arguments.integer("--timeout", default: 120, in: 1...86_400)
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let lines = try readLines()
        let sendable = lines.filter { $0.rejection == nil }
        let pending = sendable.map { Exchange.Pending(eventID: $0.eventID, bytes: $0.bytes) }
        guard isWaiting else {
            let refused = try await Exchange.send(pending, tenant: tenant, lane: lane, session)
            for line in lines { acknowledge(line, isRefused: refused.contains(line.eventID)) }
            return sendable.count == lines.count && refused.isEmpty ? .ok : .notCompleted
        }
        return try await wait(lines, pending, session)
    }

    private func wait(
        _ lines: [SubmitLine], _ pending: [Exchange.Pending], _ session: Session
    ) async throws -> ExitStatus {
        let exchange = try await Exchange(session, tenant: tenant, lane: lane)
        var printer = OrderedPrinter(lines) { bytes in
            if isJSON {
                Console.print(bytes)
            } else {
                Console.print((try? ResultView(bytes).text(fitting: Console.width)) ?? "")
            }
        }
        printer.printReady()
        var done = 0
        var isCompleted = pending.count == lines.count
        let missing = try await exchange.run(pending, timeout: .seconds(timeout)) { id, result in
            done += 1
            isCompleted = isCompleted && (try? ResultView(result).isCompleted) == true
            printer.add(id, result)
            Console.progress("\(done) of \(pending.count) answered")
        }
        Console.progress("")
        printer.finish()
        guard missing.isEmpty else {
            if !Console.hasFailed {
                Console.complain(
                    "winnow submit: \(missing.count) of \(pending.count) without a result after \(timeout) s")
            }
            return .failed
        }
        return isCompleted ? .ok : .notCompleted
    }

    /// - Parameter isRefused: whether another body waits under its id.
    private func acknowledge(_ line: SubmitLine, isRefused: Bool) {
        if let rejection = line.rejection ?? (isRefused ? .idReused : nil) {
            Console.complain("winnow submit: \(line.eventID): \(rejection)")
        } else if isJSON {
            Console.print(SubmitLine.acknowledgement(line.eventID))
        } else {
            Console.print(line.eventID.text)
        }
    }

    private func readLines() throws -> [SubmitLine] {
        var generator = SystemRandomNumberGenerator()
        var lines = InputFile.lines(of: try InputFile.read(file)).map { line in
            SubmitLine(Array(line.bytes)) { EventID("\(Request.ID(using: &generator))") }
        }
        SubmitLine.rejectReusedIDs(in: &lines)
        return lines
    }
}

/// Prints results in the order of the lines, each as soon as all earlier results are printed.
private struct OrderedPrinter {
    private let lines: [SubmitLine]
    private let print: ([UInt8]) -> Void
    private var results: [EventID: [UInt8]] = [:]
    private var next = 0

    init(_ lines: [SubmitLine], print: @escaping ([UInt8]) -> Void) {
        self.lines = lines
        self.print = print
    }

    mutating func add(_ id: EventID, _ result: [UInt8]) {
        results[id] = result
        printReady()
    }

    mutating func printReady() {
        while next < lines.count, let result = result(of: lines[next]) {
            print(result)
            next += 1
        }
    }

    /// Prints the remaining results, and skips the missing ones.
    mutating func finish() {
        for line in lines[next...] {
            if let result = result(of: line) { print(result) }
        }
        next = lines.count
    }

    private func result(of line: SubmitLine) -> [UInt8]? {
        line.rejection.map { SubmitLine.rejected(line.eventID, $0) } ?? results[line.eventID]
    }
}
