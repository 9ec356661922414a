import Client
import Contracts
import JSON
import MessageBus

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
        let requests = try readRequests()
        guard isWaiting else {
            let client = try await session.client(of: tenant, lane: lane)
            let refused = try await client.submit(requests)
            await client.close()
            for request in requests { acknowledge(request, isRefused: refused.contains(request.eventID)) }
            return refused.isEmpty && requests.allSatisfy { $0.rejection == nil } ? .ok : .notCompleted
        }
        return try await wait(requests, session)
    }

    private func wait(_ requests: [PendingRequest], _ session: Session) async throws -> ExitStatus {
        let (client, reader) = try await session.clientAndResults(of: tenant, lane: lane)
        var printer = OrderedPrinter(requests) { bytes in
            if isJSON {
                Console.print(bytes)
            } else {
                Console.print((try? RequestResult(bytes).text(fitting: Console.width)) ?? "")
            }
        }
        printer.printReady()
        let sendable = requests.filter { $0.rejection == nil }
        var missing = Set(sendable.map(\.eventID))
        var done = 0
        var isCompleted = sendable.count == requests.count
        // Once nothing can be printed any more, waiting is pointless.
        if !Console.hasFailed {
            for try await result in client.results(of: sendable, from: reader, timeout: .seconds(timeout)) {
                missing.remove(result.eventID)
                done += 1
                isCompleted = isCompleted && (try? RequestResult(result.body).isCompleted) == true
                printer.add(result.eventID, result.body)
                Console.progress("\(done) of \(sendable.count) answered")
                if Console.hasFailed { break }
            }
        }
        reader.stop()
        await client.close()
        Console.progress("")
        printer.finish()
        guard missing.isEmpty else {
            if !Console.hasFailed {
                Console.complain(
                    "winnow submit: \(missing.count) of \(sendable.count) without a result after \(timeout) s")
            }
            return .failed
        }
        return isCompleted ? .ok : .notCompleted
    }

    /// - Parameter isRefused: whether another body waits under its id.
    private func acknowledge(_ request: PendingRequest, isRefused: Bool) {
        if let rejection = request.rejection ?? (isRefused ? .idReused : nil) {
            Console.complain("winnow submit: \(request.eventID): \(rejection)")
        } else if isJSON {
            var writer = JSONWriter()
            writer.object { $0.member("id", request.eventID.text) }
            Console.print(writer.bytes)
        } else {
            Console.print(request.eventID.text)
        }
    }

    private func readRequests() throws -> [PendingRequest] {
        var generator = SystemRandomNumberGenerator()
        var requests = InputFile.lines(of: try InputFile.read(file)).map { line in
            PendingRequest(Array(line.bytes)) { EventID("\(Request.ID(using: &generator))") }
        }
        PendingRequest.rejectReusedIDs(in: &requests)
        return requests
    }
}

/// Prints results in the order of the lines, each as soon as all earlier results are printed.
private struct OrderedPrinter {
    private let requests: [PendingRequest]
    private let print: ([UInt8]) -> Void
    private var results: [EventID: [UInt8]] = [:]
    private var next = 0

    init(_ requests: [PendingRequest], print: @escaping ([UInt8]) -> Void) {
        self.requests = requests
        self.print = print
    }

    mutating func add(_ id: EventID, _ result: [UInt8]) {
        results[id] = result
        printReady()
    }

    mutating func printReady() {
        while next < requests.count, let result = result(of: requests[next]) {
            print(result)
            next += 1
        }
    }

    /// Prints the remaining results, and skips the missing ones.
    mutating func finish() {
        for request in requests[next...] {
            if let result = result(of: request) { print(result) }
        }
        next = requests.count
    }

    private func result(of request: PendingRequest) -> [UInt8]? {
        request.rejection.map { RequestResult.rejection(of: request.eventID, $0) } ?? results[request.eventID]
    }
}
