import Contracts
import Glibc
import JSON
import Models
import Settings
import Telemetry

/// The endpoints of a folder, such as `infra/endpoints`: one for each `NAME.json`, except `schema.json`.
///
/// All share one thread and its connections. A caller gets a model by its name, with its fallbacks behind it.
public final class EndpointSet: Sendable {
    private let models: [String: FallbackModel]

    /// - Throws: `EndpointConfigurationErrors` with every fault of every file.
    public convenience init(folder: String, metrics: Metrics, logger: Logger) throws(EndpointConfigurationErrors) {
        let configurations = try Self.configurations(of: folder)
        let driver: CurlDriver
        do {
            driver = try CurlDriver()
        } catch {
            throw EndpointConfigurationErrors(errors: [Self.fault(folder, error.message)])
        }
        self.init(configurations, EndpointEnvironment(transport: driver, metrics: metrics, logger: logger))
    }

    init(_ configurations: [EndpointConfiguration], _ environment: EndpointEnvironment) {
        let endpoints = configurations.reduce(into: [String: Endpoint]()) { endpoints, configuration in
            endpoints[configuration.name] = Endpoint(configuration, environment)
        }
        models = endpoints.mapValues { endpoint in
            FallbackModel([endpoint] + endpoint.configuration.fallbacks.compactMap { endpoints[$0] })
        }
    }

    public var names: [String] { models.keys.sorted() }

    /// - Returns: `nil` if no file has this name.
    public func model(named name: String) -> (any Model)? { models[name] }

    /// The most that answering may cost if every request is answered at once, by the dearest of the model and its
    /// fallbacks. To reserve it before the call is the caller's business, and so is settling what the attempts cost.
    /// - Returns: `nil` if no file has this name.
    public func reservation(
        for inputs: [ModelInput], as question: Question, by name: String, at time: Timestamp
    ) -> PicoDollars? {
        models[name]?.models.compactMap { $0 as? Endpoint }
            .map { $0.reservation(for: inputs, as: question, at: time) }.max()
    }

    static func configurations(of folder: String) throws(EndpointConfigurationErrors) -> [EndpointConfiguration] {
        guard let directory = opendir(folder) else {
            throw EndpointConfigurationErrors(errors: [fault(folder, String(cString: strerror(errno)))])
        }
        var files: [String] = []
        while let entry = readdir(directory) {
            let file = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if file.hasSuffix(".json"), file != "schema.json" { files.append(file) }
        }
        closedir(directory)

        var read: [EndpointConfiguration] = [], errors: [EndpointConfigurationError] = []
        for file in files.sorted() {
            let path = "\(folder)/\(file)"
            do {
                let bytes = try SmallFile.read(path, limit: EndpointReader.mostBytes)
                read.append(try EndpointReader.read(bytes, name: String(file.dropLast(5)), file: path))
            } catch let error as EndpointConfigurationErrors {
                errors += error.errors
            } catch let error as SmallFileError {
                errors.append(fault(path, error.reason))
            } catch {
                errors.append(fault(path, "cannot be read"))
            }
        }
        let names = Set(files.map { String($0.dropLast(5)) })
        for endpoint in read {
            for (index, fallback) in endpoint.fallbacks.enumerated()
            where fallback == endpoint.name || !names.contains(fallback) {
                errors.append(
                    EndpointConfigurationError(
                        file: "\(folder)/\(endpoint.name).json", path: "fallbacks[\(index)]",
                        message: "must name another endpoint of the folder"))
            }
        }
        guard errors.isEmpty else { throw EndpointConfigurationErrors(errors: errors) }
        return read
    }

    private static func fault(_ file: String, _ message: String) -> EndpointConfigurationError {
        EndpointConfigurationError(file: file, path: "", message: message)
    }
}

/// Asks a model, and the next one about what the first gave no usable response for.
struct FallbackModel: Model {
    let models: [any Model]

    /// - Parameter models: not empty; the first one is the model itself.
    init(_ models: [any Model]) { self.models = models }

    var identity: ModelIdentity { models[0].identity }

    func answer(_ inputs: [ModelInput], as question: Question) async throws -> [ModelOutput] {
        let sheet = AnswerSheet(count: inputs.count)
        var open = Array(inputs.indices)
        for (place, model) in models.enumerated() {
            do {
                let outputs = try await model.answer(open.map { inputs[$0] }, as: question)
                for (input, output) in zip(open, outputs) { sheet.note(output, at: input) }
                return try sheet.outputs()
            } catch let error as ModelError {
                let answered = error.outputs.isEmpty ? open.map { _ in nil } : error.outputs
                for (input, output) in zip(open, answered) { if let output { sheet.note(output, at: input) } }
                open = zip(open, answered).filter { $0.1 == nil }.map(\.0)
                if let first = open.first { sheet.add(error.attempts, at: first) }
                let isLast = place == models.count - 1
                if isLast || !error.code.isAboutServer {
                    sheet.fail(error, at: open)
                    return try sheet.outputs()
                }
            }
        }
        return try sheet.outputs()
    }
}

extension AnswerSheet {
    /// Notes an answer together with its tries.
    fileprivate func note(_ output: ModelOutput, at input: Int) {
        add(output.attempts, at: input)
        answer(output, at: input)
    }
}
