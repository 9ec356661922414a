import Certification
import Contracts
import Evaluation
import Inference
import JSON
import PostgresStore
import Settings
import Store

/// Finds the confidence from which a small model may answer for the full model, and writes a certificate.
struct CertifyVerb: Verb {
    static let name = "certify"
    static let summary = "find the confidence from which a small model may answer, with a bound on its errors"
    static let help = """
        Usage: winnow certify --capability C [--task T] [--tier TIER] --data FILE [--agreement A] [--confidence P]
                              [--tie-share S] [--out FILE] [--record FILE] [--json]

        FILE is JSON Lines, plain or gzipped: {"capability", "task", "text", "label"}. Labels are optional. The small
        and the full model run over its items here. The lowest threshold that an exact binomial bound supports becomes
        a certificate in Postgres, which workers apply within seconds: of the answers that the small model gives
        itself, at least A agree with the full model's, with confidence P. If items have labels, the loss of accuracy
        is bounded too. Texts and JSON values have no confidence: all answers of the small model are accepted, or none.
        Items in a language that the small models were not cut for are left out, and how many there are is told.

          --capability C  the capability whose model is certified
          --task T        one of its tasks (default: every task with items in FILE)
          --tier TIER     small (default) or middle. The middle model is certified on the items that the small model
                          leaves open under its own valid certificate, since it is asked about no others
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

    private enum Tier: String, CaseIterable {
        case small, middle

        func name(in models: TaskModels) -> String? { self == .small ? models.small : models.middle }
    }

    private let capability: Capability
    private let task: String?
    private let tier: Tier
    private let data: String
    private let promise: Promise
    private let out: String?
    private let record: String?
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        guard let name = arguments.value("--capability") else { throw UsageError("--capability is missing") }
        let capability = Capability(rawValue: name)
        let task = arguments.value("--task")
        let tier: Tier = try arguments.choice("--tier") ?? .small
        guard let data = arguments.value("--data") else { throw UsageError("--data is missing") }
        let agreement = try arguments.share("--agreement", default: 0.99)
        let confidence = try arguments.share("--confidence", default: 0.95)
        let tieShare = try arguments.number("--tie-share", default: 1, in: Prediction.leastShare...1)
        guard let promise = Promise(agreement: agreement, confidence: confidence, tieShare: tieShare) else {
            throw UsageError("--agreement and --confidence must lie between 0 and 1")
        }
        (self.capability, self.task, self.tier, self.data, self.promise) = (capability, task, tier, data, promise)
        out = arguments.value("--out")
        record = arguments.value("--record")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        for path in [out, record].compactMap(\.self) { try SmallFile.ensureReplaceable(path) }
        let catalog = try session.catalog()
        if let fault = fault(in: catalog) {
            Console.complain("winnow \(Self.name): \(fault)")
            return .wrongUsage
        }
        let file = try LabelledFile(reading: data, catalog: catalog, mayLackLabels: true)
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
        var reports: [CertifyReport] = []
        for (route, items) in groups {
            reports.append(try await report(on: items, of: route, source, session, catalog))
        }
        Console.progress("")
        let certificates = reports.compactMap(\.certificate)
        if let out {
            if !certificates.isEmpty { try CertificateFile.replace(certificates, in: out) }
        } else {
            try await PostgresStore(try session.postgres()).registerCertificates(certificates)
        }
        show(reports)
        return certificates.count == reports.count ? .ok : .notCertifiable
    }

    /// Compares the tier's model of a task with its full model.
    private func report(
        on all: [LabelledItem], of route: Route, _ source: Certificate.Source, _ session: Session, _ catalog: Catalog
    ) async throws -> CertifyReport {
        let own = all.inLanguages(of: catalog), others = all.count - own.count
        let leftOutByLanguage =
            others == 0 ? nil : "\(others) items in languages that the small models were not cut for are left out"
        if let leftOutByLanguage { Console.complain("\(route): \(leftOutByLanguage)") }
        guard !own.isEmpty else { throw LabelledFileError("\(data) contains no items in the languages of \(route)") }
        let (items, note) = tier == .small ? (own, nil) : try await open(own, of: route, session, catalog)
        let model = try session.model(tier.name, of: route, catalog)
        let full = try session.model(\.full, of: route, catalog)
        let judge = try session.judge(of: route, catalog)
        let progress = { (count: Int) in Console.progress("\(route): \(count) of \(items.count) items compared") }
        let comparisons: [Comparison]
        if case .label? = catalog[route]?.output.kind {
            comparisons = try await Comparison.run(
                items, as: route, small: model, full: full, tieShare: promise.tieShare, progress: progress)
        } else if let small = model as? EndpointClassifier, let full = full as? EndpointClassifier,
            let comparator = catalog[route]?.comparator
        {
            comparisons = try await Comparison.run(
                items, small: small, full: full, comparator: comparator, judge: judge, progress: progress)
        } else {
            throw ArtifactError(.unsupported, session.capabilitiesDirectory, "only endpoints answer \(route)")
        }
        for model in [model, full] { Self.tellCost(of: model, on: route) }
        if let judge { Self.tellCost(of: judge, on: route) }
        let leftOut = items.count - comparisons.count
        if leftOut > 0 {
            Console.complain("\(route): \(leftOut) items are left out, since the full model did not answer them")
        }
        let notes = [
            note, leftOutByLanguage,
            leftOut > 0 ? "\(leftOut) items that the full model did not answer are left out" : nil,
        ].compactMap(\.self)
        if let record { try Self.write(comparisons.map(\.observation), to: record) }
        var generator = SystemRandomNumberGenerator()
        return CertifyReport(
            comparisons, of: route, promise: promise, small: CertifiedModel(model, on: route),
            full: CertifiedModel(full, on: route), judge: judge?.identity, source: source,
            note: notes.isEmpty ? nil : notes.joined(separator: "; "), at: .now, using: &generator)
    }

    /// Leaves out what the small model answers itself, because the middle model is never asked about it. The items that
    /// are left are harder, and a promise that holds on all items need not hold on them.
    private func open(
        _ items: [LabelledItem], of route: Route, _ session: Session, _ catalog: Catalog
    ) async throws -> ([LabelledItem], note: String) {
        let models = try DeployedModels(directory: session.modelsDirectory, catalog: catalog)
        let pair = models.tiers(of: route).first { !$0.isMiddle }?.models
        // What is written beside the models belongs to what stands there.
        let known =
            out == nil
            ? try await PostgresStore(try session.postgres()).standingCertificates()
            : try CertificateFile.read(
                CertificateFile.path(of: catalog[route]?.models.small ?? "", in: session.modelsDirectory))
        guard let certificate = known.first(where: { $0.route == route && pair.map($0.covers) == true }) else {
            Console.complain("\(route): the small model has no valid certificate, so it leaves all items open")
            return (items, "the small model had no certificate, so it left all items open")
        }
        let small = try session.model(\.small, of: route, catalog)
        let open = try await Comparison.open(items, under: certificate, small: small)
        Self.tellCost(of: small, on: route)
        Console.complain("\(route): the small model leaves \(open.count) of \(items.count) items open")
        return (open, "items that \(certificate.smallModel) leaves open under certificate \(certificate.id)")
    }

    private static func tellCost(of model: any CertifiableModel, on route: Route) {
        guard let endpoint = model as? EndpointClassifier else { return }
        Console.complain("\(route): asking \(endpoint.identity.name) has cost \(endpoint.cost.short)")
    }

    /// What is wrong with the options that name a capability and a task.
    private func fault(in catalog: Catalog) -> String? {
        guard let description = catalog[capability] else {
            let names = catalog.capabilities.map(\.name.rawValue)
            return "--capability must be one of \(names.joined(separator: ", "))"
        }
        let tasks = description.tasks.map(\.name)
        if let task, !tasks.contains(task) {
            return "--task must be one of \(tasks.joined(separator: ", "))"
        }
        return nil
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

extension CertifyReport {
    static let columns = [
        "task", "certificate", "threshold", "items", "accepted", "disagreements", "bound", "escalated", "saved",
        "accuracy_loss_at_most",
    ]

    var row: [Table.Cell] {
        switch result {
        case .certified(let certificate):
            [
                .text("\(route)"), .text("\(certificate.id)"), .number(Self.short(certificate.threshold)),
                .number("\(certificate.items)"), .number("\(certificate.accepted)"),
                .number("\(certificate.disagreements)"), .number(Self.percent(certificate.bound)),
                .number(Self.interval(certificate.escalationRate)),
                certificate.saving.map { .number(Self.interval($0)) } ?? .none,
                certificate.accuracyLoss.map { .number(Self.percent($0.bound)) } ?? .none,
            ]
        case .refused(let refusal):
            [
                .text("\(route)"), .text("none"), .number(Self.short(refusal.threshold)), .number("\(refusal.items)"),
                .number("\(refusal.tally.accepted)"), .number("\(refusal.tally.disagreements)"),
                .number(Self.percent(refusal.bound)), .text("everything"), .none, .none,
            ]
        }
    }
}
