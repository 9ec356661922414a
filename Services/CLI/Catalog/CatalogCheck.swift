import CatalogFile
import Contracts
import Inference
import ModelEndpoint
import Settings

/// Finds what the files of a catalog cannot show: whether its models exist and answer what it says.
///
/// Of an endpoint, its file is read. Its server is not asked: `winnow models test` does that.
struct CatalogCheck {
    let modelsDirectory: String
    let endpoints: EndpointFolder
    /// Cards that were read, by the model's name.
    private var cards: [String: Result<ModelCard, ArtifactError>] = [:]
    /// The router, once a route head was compared with it.
    private var router: Result<RouteIdentities, ArtifactError>?

    init(modelsDirectory: String, endpointsDirectory: String) {
        self.modelsDirectory = modelsDirectory
        endpoints = EndpointFolder(endpointsDirectory)
    }

    /// Reads a folder of capabilities, or the file of one, and checks it.
    /// - Returns: the capabilities, and the endpoints that they name.
    static func read(
        _ path: String, modelsDirectory: String, endpointsDirectory: String
    ) -> (catalog: Catalog, faults: [CatalogFileError.Fault]) {
        var faults: [CatalogFileError.Fault] = []
        var catalog = Catalog()
        var check = CatalogCheck(modelsDirectory: modelsDirectory, endpointsDirectory: endpointsDirectory)
        do throws(CatalogFileError) {
            let isFile = SmallFile.isRegular(path)
            catalog = isFile ? Catalog([try CatalogFile.read(file: path)]) : try CatalogFile.read(folder: path)
            for capability in catalog.capabilities {
                faults += check.faults(
                    in: capability, file: isFile ? path : "\(path)/\(capability.name)/\(CatalogFile.name)")
            }
        } catch {
            faults = error.faults
        }
        do throws(EndpointConfigurationErrors) {
            return (catalog.with(endpoints: try check.endpoints.endpoints(named: catalog.endpointNames)), faults)
        } catch {
            return (catalog, faults + error.errors.map { .init(.conflict, $0.file, $0.path, $0.message) })
        }
    }

    /// - Parameter file: the file of the capability, which faults name.
    mutating func faults(in capability: CapabilityDescription, file: String) -> [CatalogFileError.Fault] {
        capability.tasks.enumerated().flatMap { index, task in
            let tiers = [("small", task.models.small), ("middle", task.models.middle), ("full", task.models.full)]
            return tiers.compactMap { tier, model -> CatalogFileError.Fault? in
                guard let model, !TaskModels.isEndpoint(model),
                    let message = fault(of: model, on: Route(capability.name, task.name), task.output)
                else { return nil }
                return CatalogFileError.Fault(.conflict, file, "tasks[\(index)].models.\(tier)", message)
            }
                + [
                    task.routing?.head.flatMap { fault(of: $0, on: Route(capability.name, task.name)) }.map {
                        CatalogFileError.Fault(.conflict, file, "tasks[\(index)].routing.head", $0)
                    }
                ].compactMap(\.self)
        }
    }

    /// A head means nothing to another router than its own.
    private mutating func fault(of head: RouteHead, on route: Route) -> String? {
        let folder = "\(modelsDirectory)/router"
        let read =
            router ?? Result { () throws(ArtifactError) in try RouteIdentities(directory: folder, catalog: Catalog()) }
        router = read
        switch read {
        case .failure(let error): return "cannot be compared with the router: \(error)"
        case .success(let router):
            guard head.router == router.state(of: .decomposition) else {
                return "is of another router than that in \(folder); run “winnow catalog refit”"
            }
            guard head.weights.count == router.card.encoder.hiddenSize else {
                return "has \(head.weights.count) weights, which does not fit the router's state"
            }
            let own = router.card.head(.decomposition)
            return own?.labels.contains(route.description) == true
                ? "is not needed, because the router's own head knows the task" : nil
        }
    }

    private mutating func fault(of model: String, on route: Route, _ output: TaskDescription.Output) -> String? {
        let folder = "\(modelsDirectory)/\(model)"
        switch output {
        case .text, .json: return "is a folder of a model, which answers with labels only; name an endpoint"
        // The card of a speech model has no heads.
        case .transcript: return SmallFile.exists("\(folder)/card.json") ? nil : "has no card in \(folder)"
        case .label(let labels):
            guard SmallFile.exists("\(folder)/card.json") else { return "has no card in \(folder)" }
            switch card(model, in: folder) {
            case .failure(let error): return "has a faulty card: \(error)"
            case .success(let card):
                guard let head = card.head(route) else { return "has no head for this task" }
                return Self.difference(between: labels.map(\.name), and: head.labelsWithGate)
            }
        }
    }

    private mutating func card(_ model: String, in folder: String) -> Result<ModelCard, ArtifactError> {
        if let card = cards[model] { return card }
        let card = Result { () throws(ArtifactError) in try ModelCard.load(directory: folder) }
        cards[model] = card
        return card
    }

    /// Labels are compared by bytes, and their order counts: a model's answer is a number until its card names it.
    private static func difference(between described: [String], and known: [String]) -> String? {
        let described = described.map { ExactText($0) }, known = known.map { ExactText($0) }
        guard described != known else { return nil }
        func places(_ count: Int) -> String { count == 1 ? "1 label" : "\(count) labels" }
        let surplus = described.filter { !known.contains($0) }.count
        let missing = known.filter { !described.contains($0) }.count
        guard surplus + missing > 0 else { return "has the labels of this task in another order" }
        return "lacks \(places(surplus)) of this task, and knows \(places(missing)) that the task lacks"
    }
}

extension ModelCard.Head {
    /// Every label that the head can answer: its own, and then the one for what is out of scope.
    fileprivate var labelsWithGate: [String] {
        if case .singleLabel(let gate?) = kind { labels + [gate.label] } else { labels }
    }
}
