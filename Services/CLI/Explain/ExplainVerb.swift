import CatalogFile
import Contracts
import Inference
import Routing

/// Shows what becomes of the parts of requests, without sending them.
struct ExplainVerb: Verb {
    static let name = "explain"
    static let summary = "show how a request is decomposed and where each part goes, without sending it"
    static let flags: Set<String> = ["--json"]
    static let help = """
        Usage: winnow explain TEXT [--catalog DIR] [--json]
               winnow explain --file FILE|- [--catalog DIR] [--json]

        Reads a text with the router in WINNOW_MODELS_DIRECTORY, and shows each part of it in order: the items, where
        each goes, how sure the router is, and why; and what is no item. Nothing is sent, stored or paid, and no service
        has to run. Route heads and languages are those of the catalog in WINNOW_CAPABILITIES_DIRECTORY.

          TEXT           one request's text. Put it in quotes, and behind -- if it begins with a hyphen
          --file FILE    requests, one per line, as 'winnow submit' takes them: {"text": …} with optional "attachments"
          --catalog DIR  another catalog
          --json         one object per request

        An item goes to:
          a task                its worker answers, or escalates it
          full model            the router is not sure: the full model says where the item belongs, and how it is cut
          none                  no task fits, which is the answer
          unsupported language  no capability understands it

        "sureness" is the router's confidence in the routes, or in "none". "scores" are the probabilities of the tasks,
        each with the probability from which on the item is given the task.
        """

    private enum Input {
        case text(String)
        case file(String)
    }

    private let input: Input
    private let catalog: String?
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let words = arguments.rest()
        switch (words.count, arguments.value("--file")) {
        case (1, nil): input = .text(words[0])
        case (0, let file?): input = .file(file)
        case (0, nil): throw UsageError("TEXT is missing")
        default: throw UsageError("one TEXT, in quotes, or --file")
        }
        catalog = arguments.value("--catalog")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let catalog = try CatalogFile.read(folder: catalog ?? session.capabilitiesDirectory)
        let router = try ItemReader(directory: "\(session.modelsDirectory)/router", catalog: catalog)
        for route in router.refusedHeads {
            Console.complain("winnow explain: the route head of \(route) is of another router and is not used")
        }
        var isWhole = true, isFirst = true
        for (number, request) in try requests(catalog) {
            do {
                let explanation = try Explanation(of: request.get(), by: router, catalog)
                if isJSON {
                    Console.print(explanation.json)
                } else {
                    Console.print((isFirst ? "" : "\n") + explanation.text)
                }
                isFirst = false
            } catch {
                Console.complain("winnow explain: " + (number.map { "line \($0): " } ?? "") + "\(error)")
                isWhole = false
            }
        }
        return isWhole ? .ok : .failed
    }

    /// The requests, each with its line if it is from a file, or what is wrong with it.
    private func requests(_ catalog: Catalog) throws -> [(line: Int?, Result<Request, any Error>)] {
        switch input {
        case .text(let text):
            let request = Request(eventID: "explain", channel: .human, text: text)
            return [(nil, Result { try Request.decode(request.encode(), catalog: catalog) })]
        case .file(let path):
            return InputFile.lines(of: try InputFile.read(path)).map { line in
                (line.number, Result { try Request.decode(Array(line.bytes), catalog: catalog) })
            }
        }
    }
}

extension Request {
    fileprivate static func decode(_ body: [UInt8], catalog: Catalog) throws -> Request {
        let request = try decode(body, eventID: "explain", tenant: .default, deadline: nil, catalog: catalog)
        guard request.channel == .human else {
            throw ContractError(.wrongType, "a machine request names its tasks itself, so nothing is decomposed")
        }
        return request
    }
}
