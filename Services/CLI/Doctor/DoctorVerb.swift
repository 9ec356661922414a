import CatalogFeed
import CatalogFile
import Contracts
import Evaluation
import Inference
import KafkaBus
import MessageBus
import ModelEndpoint
import PostgresStore
import Store

/// Checks everything that the suite depends on, and gives advice.
struct DoctorVerb: Verb {
    static let name = "doctor"
    static let summary = "check broker, topics, database, migrations, models, certificates and lag, and give advice"
    static let help = """
        Usage: winnow doctor [--json]

        Exits with 1 if a problem keeps requests from being answered.
        """

    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) { isJSON = arguments.flag("--json") }

    func run(_ session: Session) async throws -> ExitStatus {
        let findings = await examine(session)
        Console.print(Table(findings), asJSON: isJSON)
        return findings.contains { $0.verdict == .bad } ? .failed : .ok
    }

    private func examine(_ session: Session) async -> [Finding] {
        await broker(session) + database(session) + models(session)
    }

    private func broker(_ session: Session) async -> [Finding] {
        do {
            let admin = try KafkaAdmin(settings: try session.kafka(), logger: session.logger)
            let metadata = try await admin.metadata()
            let tenants = await tenantsWithOwnTopics(session)
            return [
                Finding("broker", .good, "\(metadata.brokers) reached"), topics(session, metadata),
                TenantTopicsCheck.finding(tenants, in: metadata.topics.keys),
            ]
                + (await lag(
                    admin, LagReport.loops((try? session.catalog()) ?? Catalog(), tenants: (try? tenants.get()) ?? [])))
                + [await deadLetters(session)]
        } catch {
            return [Finding("broker", .bad, "\(error)", Self.advice(on: error))]
        }
    }

    private func tenantsWithOwnTopics(_ session: Session) async -> Result<Set<TenantID>, any Error> {
        do {
            return .success(try await PostgresStore(try session.postgres()).tenantsWithOwnTopics())
        } catch {
            return .failure(error)
        }
    }

    static func advice(on error: any Error) -> String {
        (error as? MessageBusError)?.code == .authentication
            ? "the broker answers and refuses the credentials or the certificate: see KAFKA_CONF_SASL_* and KAFKA_CONF_SSL_*"
            : "start it ('make up'), or set KAFKA_BOOTSTRAP_SERVERS to a cluster that answers"
    }

    private func topics(_ session: Session, _ metadata: ClusterMetadata) -> Finding {
        do {
            let catalog = try TopicCatalog(contentsOf: session.topicsFile)
            let missing = catalog.entries.map(\.name).filter { metadata.topics[$0] == nil }
            guard missing.isEmpty else {
                return Finding(
                    "topics", .bad, "missing: \(missing.joined(separator: ", "))", "run 'winnow topics create'")
            }
            let small = catalog.entries.filter { metadata.topics[$0.name, default: 0] < $0.partitions }.map(\.name)
            return small.isEmpty
                ? Finding("topics", .good, "all \(catalog.entries.count) are there")
                : Finding(
                    "topics", .doubtful, "too few partitions: \(small.joined(separator: ", "))",
                    "start no more workers than there are partitions, or change infra/kafka/topics.json")
        } catch {
            return Finding("topics", .bad, "\(error)", "set WINNOW_TOPICS_FILE to infra/kafka/topics.json")
        }
    }

    /// The time between two reads of a group's lag, which show whether the group makes progress.
    private static let betweenLooks = Duration.seconds(5)

    private func lag(_ admin: KafkaAdmin, _ loops: [LagReport.Loop]) async -> [Finding] {
        func look(_ loop: LagReport.Loop) async throws -> [PartitionLag] {
            try await admin.lag(group: ConsumerGroup.name(of: loop.name), topics: loop.topics, withAge: true)
        }
        var findings: [Finding] = []
        var behind: [(index: Int, report: LagReport)] = []
        for loop in loops {
            do {
                let report = LagReport(loop: loop, first: try await look(loop), second: [], now: .now)
                if report.needsSecondLook { behind.append((findings.count, report)) }
                findings.append(report.finding)
            } catch {
                findings.append(Finding(loop.check, .doubtful, "\(error)"))
            }
        }
        if !behind.isEmpty { try? await Task.sleep(for: Self.betweenLooks) }
        for (index, report) in behind {
            let second = (try? await look(report.loop)) ?? []
            findings[index] =
                LagReport(loop: report.loop, first: report.first, second: second, now: report.now).finding
        }
        return findings
    }

    private func deadLetters(_ session: Session) async -> Finding {
        do {
            let count = try await DeadLetterCount(session)
            return count.total == 0
                ? Finding("dead letters", .good, count.text)
                : Finding(
                    "dead letters", .doubtful, count.text,
                    "see 'winnow dead-letters list', then replay or discard them")
        } catch {
            return Finding("dead letters", .doubtful, "\(error)")
        }
    }

    private func database(_ session: Session) async -> [Finding] {
        do {
            let settings = try session.postgres()
            let migrations = Self.migrations(try await Migrator(settings).status())
            guard migrations.verdict != .bad else { return [Finding("database", .good, "reached"), migrations] }
            let store = PostgresStore(settings)
            let prices = try await store.prices()
            let version = try await store.currentCatalog()
            return [
                Finding("database", .good, "reached"), migrations,
                Self.catalog(version, files: try? session.catalog()),
                prices.isEmpty
                    ? Finding("prices", .doubtful, "none: every cost is 0", "run 'winnow models register'")
                    : Finding("prices", .good, "\(Set(prices.map(\.model)).count) models have one"),
                await durability(settings),
            ] + (await endpoints(of: version, session, settings)) + (await certificates(session, settings))
        } catch {
            return [Finding("database", .bad, "\(error)", "set DATABASE_URL or PG*, and see that the server answers")]
        }
    }

    /// - Parameter files: the capabilities' files, with which the models and the lag are checked.
    static func catalog(_ version: CatalogVersion?, files: Catalog?) -> Finding {
        guard let version else {
            return Finding(
                "catalog", .bad, "none is applied, so every service waits",
                "run 'winnow catalog apply infra/capabilities'")
        }
        guard files.map({ CatalogFile.write($0) }) == version.body else {
            return Finding(
                "catalog", .doubtful, "version \(version.number) is in force, and differs from the files here",
                "compare 'winnow catalog export DIR' with WINNOW_CAPABILITIES_DIRECTORY")
        }
        return Finding("catalog", .good, "version \(version.number) is in force")
    }

    private func endpoints(
        of version: CatalogVersion?, _ session: Session, _ settings: PostgresSettings
    ) async -> [Finding] {
        guard let version else { return [] }
        do {
            let catalog = try version.catalog()
            return EndpointCheck.findings(
                catalog, folder: EndpointFolder(session.endpointsDirectory),
                activity: try await OperationsReader(settings).endpointActivity())
        } catch {
            return [Finding("endpoints", .doubtful, "\(error)")]
        }
    }

    /// A newer database is no fault: services of this version run on it, as they do during an upgrade and after a rollback.
    static func migrations(_ status: [Migrator.Status]) -> Finding {
        let pending = status.count { $0.appliedAt == nil }
        if pending > 0 { return Finding("migrations", .bad, "\(pending) to apply", "run 'winnow migrate'") }
        if let notice = MigrateVerb.notice(of: status.filter(\.isNewer)) {
            return Finding("migrations", .doubtful, notice, "see infra/runbooks/upgrade.md")
        }
        return Finding("migrations", .good, "all applied")
    }

    /// Checks whether accepted requests survive the loss of the database server.
    private func durability(_ settings: PostgresSettings) async -> Finding {
        do {
            let risks = try await OperationsReader(settings).durability().risks
            return risks.isEmpty
                ? Finding("durability", .good, "commits wait for a standby")
                : Finding(
                    "durability", .doubtful, risks.joined(separator: "; "),
                    "see 'The database is lost' in infra/runbooks/failures.md")
        } catch {
            return Finding("durability", .doubtful, "\(error)")
        }
    }

    private func certificates(_ session: Session, _ settings: PostgresSettings) async -> [Finding] {
        do {
            let standing = try await PostgresStore(settings).standingCertificates()
            let catalog = try session.catalog()
            let models = try DeployedModels(directory: session.modelsDirectory, catalog: catalog)
            return catalog.routes.flatMap { route in
                let tiers = models.tiers(of: route)
                return tiers.isEmpty
                    ? [Self.certificate(of: route, nil, isMiddle: false)]
                    : tiers.map { tier in
                        let valid = standing.first { $0.route == route && $0.covers(tier.models) }
                        return Self.certificate(of: route, valid, isMiddle: tier.isMiddle)
                    }
            }
        } catch {
            return [Finding("certificates", .bad, "\(error)", Self.restore)]
        }
    }

    private static func certificate(of route: Route, _ valid: Certificate?, isMiddle: Bool) -> Finding {
        let check = "certificate of \(route)\(isMiddle ? ", middle model" : "")"
        let tier = isMiddle ? " --tier middle" : ""
        guard let valid else {
            return Finding(
                check, .doubtful, "none for these models, so everything escalates",
                "run 'winnow certify --capability \(route.capability) --task \(route.task)\(tier) --data FILE'")
        }
        return Finding(check, .good, "\(valid.id): about \(valid.escalationRate.value.percent)% of items escalate")
    }

    private func models(_ session: Session) -> [Finding] {
        let catalog: Catalog
        do { catalog = try session.catalog() } catch { return [Finding("catalog", .bad, "\(error)", Self.restore)] }
        return catalog.artifactNames.map { name in
            do {
                let directory = "\(session.modelsDirectory)/\(name)"
                let card =
                    name == "router"
                    ? try ItemReader(directory: directory, catalog: catalog).card
                    : try EncoderClassifier(directory: directory, catalog: catalog).card
                return Finding("model \(name)", .good, card.identity.description)
            } catch {
                return Finding("model \(name)", .bad, "\(error)", Self.restore)
            }
        }
    }

    private static let restore = "restore it from the repository, or run 'make models'"
}
