import Certification
import Contracts
import Inference
import JSON
import PostgresStore
import Settings
import Store

/// Lists the certificates, or revokes one.
struct CertificatesVerb: Verb {
    static let name = "certificates"
    static let summary = "list the certificates of the small models, or revoke one"
    static let flags: Set<String> = ["--json", "--all"]
    static let help = """
        Usage: winnow certificates [list] [--all] [--json]
               winnow certificates tenants [--json]
               winnow certificates revoke ID --why REASON [--tenant TENANT] [--json]

        'list' shows the valid certificates, and whether they hold: whether they belong to the models in
        WINNOW_MODELS_DIRECTORY. All items of a task without such a certificate escalate. 'tenants' shows for which
        tenants a certificate was revoked while others still use it. After 'revoke' the task's workers escalate within
        seconds, until the task is certified again. An older certificate does not become valid again.

          --all            also show revoked and superseded certificates
          --tenant TENANT  revoke the certificate for this tenant only

        Exits with 1 if there is no such certificate.
        """

    private enum Action {
        case list(all: Bool)
        case tenants
        case revoke(Certificate.ID, TenantID?, why: String)
    }

    private let action: Action
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        var words = arguments.rest()[...]
        switch words.popFirst() ?? "list" {
        case "list": action = .list(all: arguments.flag("--all"))
        case "tenants": action = .tenants
        case "revoke":
            guard let word = words.popFirst() else { throw UsageError("ID is missing") }
            guard let id = Certificate.ID(word) else { throw UsageError("not the id of a certificate: \(word)") }
            guard let why = arguments.value("--why"), !why.isEmpty else { throw UsageError("--why is missing") }
            action = .revoke(id, arguments.value("--tenant").map { TenantID(authID: $0) }, why: why)
        case let word: throw UsageError("no such action: \(word)")
        }
        if let word = words.first { throw UsageError("unexpected word: \(word)") }
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        switch action {
        case .list(let all): return try await list(all: all, session)
        case .tenants:
            let table = Table(try await OperationsReader(session.postgres()).tenantRevocations())
            Console.print(table, asJSON: isJSON)
            return .ok
        case .revoke(let id, let tenant, let why):
            let store = PostgresStore(try session.postgres())
            guard try await store.revoke(id, for: tenant, why: why, at: .now) else {
                Console.complain("winnow certificates: no such certificate: \(id)")
                return .failed
            }
            let table = Table(columns: ["id", "state"], rows: [[.text("\(id)"), .text("revoked")]])
            Console.print(table, asJSON: isJSON)
            return .ok
        }
    }

    private func list(all: Bool, _ session: Session) async throws -> ExitStatus {
        let report = try await OperationsReader(session.postgres()).certificates(all: all)
        let models = try DeployedModels(directory: session.modelsDirectory)
        var table = Table(report)
        func column(_ name: String, of row: [String?]) -> String? {
            report.columns.firstIndex { $0.name == name }.flatMap { row[$0] }
        }
        table.columns.insert("holds", at: 2)
        for (index, row) in report.rows.enumerated() {
            let holds =
                column("state", of: row) == "standing"
                && column("task", of: row).flatMap { Route($0) }.map { route in
                    models.run(route, small: column("small_model", of: row), full: column("full_model", of: row))
                } ?? false
            table.rows[index].insert(.text(holds ? "yes" : "no"), at: 2)
        }
        Console.print(table, asJSON: isJSON)
        return .ok
    }
}

/// Lists the models, or registers their prices and the certificates that are stored beside them.
struct ModelsVerb: Verb {
    static let name = "models"
    static let summary = "list the models, or register their first prices and their certificates"
    static let help = """
        Usage: winnow models list [--json]
               winnow models register [--pico-usd-per-megaflop N]

        register reads the model cards and sets a price per token for every model without one, from the operations
        that a token of its validation items took on average. The default, 111 pico-USD per million operations,
        corresponds to a core at 0.04 USD an hour that does 100 billion operations a second. Existing prices never
        change. It also registers the certificates in certificates.jsonl beside a model. A revoked certificate stays
        revoked.
        """

    private static let names = ["full", "router"] + Capability.requestable.map(\.rawValue)

    private let isRegistering: Bool
    private let rate: Int
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let action = try arguments.operand("list or register")
        guard ["list", "register"].contains(action) else { throw UsageError("no such action: \(action)") }
        isRegistering = action == "register"
        rate = try arguments.integer("--pico-usd-per-megaflop", default: 111, in: 1...1_000_000_000)
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let cards = try Self.names.map { try ModelCard.load(directory: "\(session.modelsDirectory)/\($0)") }
        if isRegistering {
            let store = PostgresStore(try session.postgres())
            try await store.registerPrices(
                cards.map { card in
                    Price(
                        model: card.identity.name, inputToken: tokenPrice(of: card), outputToken: .zero,
                        validFrom: Timestamp(milliseconds: 0))
                })
            try await store.registerCertificates(
                Capability.requestable.flatMap { capability in
                    try CertificateFile.read(CertificateFile.path(of: capability, in: session.modelsDirectory))
                })
        }
        let table = Table(
            columns: ["model", "version", "tasks", "mflops_per_token", "pico_usd_per_token"],
            rows: cards.map { card in
                [
                    .text(card.identity.name), .text(card.identity.version),
                    .text(card.heads.map(\.route.task).joined(separator: " ")),
                    .number("\((card.flopsPerToken / 1000).rounded() / 1000)"),
                    .number("\(tokenPrice(of: card).amount)"),
                ]
            })
        Console.print(table, asJSON: isJSON)
        return .ok
    }

    private func tokenPrice(of card: ModelCard) -> PicoDollars {
        max(PicoDollars(1), PicoDollars(rounding: (card.flopsPerToken * Double(rate) / 1_000_000).rounded(.down)))
    }
}

/// Finds the confidence from which a small model may answer for the full model, and writes a certificate.
struct CertifyVerb: Verb {
    static let name = "certify"
    static let summary = "find the confidence from which a small model may answer, with a bound on its errors"
    static let help = """
        Usage: winnow certify --capability C [--task T] --data FILE [--agreement A] [--confidence P] [--tie-share S]
                              [--out FILE] [--record FILE] [--json]

        FILE is JSON Lines, plain or gzipped: {"capability", "task", "text", "label"}. Labels are optional. The small
        and the full model run over its items here. The lowest threshold that an exact binomial bound supports becomes
        a certificate in Postgres, which workers apply within seconds: of the answers that the small model gives
        itself, at least A agree with the full model's, with confidence P. If items have labels, the loss of accuracy
        is bounded too.

          --capability C  the capability whose small model is certified
          --task T        one of its tasks (default: every task with items in FILE)
          --data FILE     the calibration items: a sample of real requests that the models have not seen
          --agreement A   the promised agreement (default 0.99)
          --confidence P  the confidence of the promise (default 0.95)
          --tie-share S  also accept a label to which the full model gives at least S of the probability of its best
                          label: from 0.1 to 1 (default 1, only the best label)
          --out FILE      write the certificates to FILE instead of Postgres
          --record FILE   also write a line for each item: hash of its text, confidence, whether the models agree
          --json          print an array with an object for each task

        Exits with 3 if no threshold of a task keeps the promise. That task stays on the full model.
        """

    private let capability: Capability
    private let task: String?
    private let data: String
    private let promise: Promise
    private let out: String?
    private let record: String?
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let names = Capability.requestable.map(\.rawValue)
        guard let name = arguments.value("--capability"), names.contains(name) else {
            throw UsageError("--capability must be one of \(names.joined(separator: ", "))")
        }
        let capability = Capability(rawValue: name)
        let task = arguments.value("--task")
        let tasks = Route.requestable.filter { $0.capability == capability }.map(\.task)
        if let task, !tasks.contains(task) {
            throw UsageError("--task must be one of \(tasks.joined(separator: ", "))")
        }
        guard let data = arguments.value("--data") else { throw UsageError("--data is missing") }
        let agreement = try arguments.share("--agreement", default: 0.99)
        let confidence = try arguments.share("--confidence", default: 0.95)
        let tieShare = try arguments.number("--tie-share", default: 1, in: Prediction.leastShare...1)
        guard let promise = Promise(agreement: agreement, confidence: confidence, tieShare: tieShare) else {
            throw UsageError("--agreement and --confidence must lie between 0 and 1")
        }
        (self.capability, self.task, self.data, self.promise) = (capability, task, data, promise)
        out = arguments.value("--out")
        record = arguments.value("--record")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        for path in [out, record].compactMap(\.self) { try SmallFile.ensureReplaceable(path) }
        let file = try LabelledFile(data, mayLackLabels: true)
        file.complainOfRejected(Self.name)
        let items = file.items.filter {
            $0.route.capability == capability && $0.route.task == task ?? $0.route.task
        }
        let groups = Dictionary(grouping: items, by: \.route).sorted { $0.key.description < $1.key.description }
        guard !groups.isEmpty else { throw LabelledFileError("\(data) contains no items of this capability or task") }
        guard record == nil || groups.count == 1 else {
            throw LabelledFileError("\(data) contains several tasks: choose the one to record with --task")
        }
        let source = Certificate.Source(file: file.name, sha256: file.sha256)
        let full = try EncoderClassifier(directory: session.modelsDirectory + "/full")
        let small = try EncoderClassifier(directory: "\(session.modelsDirectory)/\(capability)")
        var generator = SystemRandomNumberGenerator()
        var reports: [CertifyReport] = []
        for (route, items) in groups {
            let comparisons = try await Comparison.run(
                items, as: route, small: small, full: full, tieShare: promise.tieShare)
            if let record { try Self.write(comparisons.map(\.observation), to: record) }
            let result: CertifyReport.Result
            switch Certifier(promise).certify(comparisons.map(\.observation)) {
            case .certified(let certified):
                result = .certified(
                    Certificate(
                        certified, of: promise, route: route, small: small.card, full: full.card,
                        comparisons: comparisons, source: source, at: .now, using: &generator))
            case .refused(let refusal): result = .refused(refusal)
            }
            reports.append(CertifyReport(route: route, promise: promise, result: result))
        }
        Console.progress("")
        let certificates = reports.compactMap { report in
            if case .certified(let certificate) = report.result { certificate } else { nil }
        }
        if let out {
            if !certificates.isEmpty { try CertificateFile.replace(certificates, in: out) }
        } else {
            try await PostgresStore(try session.postgres()).registerCertificates(certificates)
        }
        show(reports)
        return certificates.count == reports.count ? .ok : .notCertifiable
    }

    private func show(_ reports: [CertifyReport]) {
        if isJSON {
            var writer = JSONWriter()
            writer.array(reports) { writer, report in report.write(to: &writer) }
            Console.print(writer.bytes)
        } else {
            Console.print(Table(columns: CertifyReport.columns, rows: reports.map(\.row)), asJSON: false)
        }
        for report in reports { if let complaint = report.complaint { Console.complain(complaint) } }
    }

    private static func write(_ observations: [Observation], to path: String) throws {
        try SmallFile.replace(path, with: Array(observations.map { $0.encode() + [0x0A] }.joined()))
    }
}
