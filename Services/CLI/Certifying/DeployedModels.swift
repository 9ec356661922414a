import Contracts
import Inference

/// Which models stand in the models directory, by `name@version`.
struct DeployedModels {
    private let small: [Capability: String]
    private let full: String

    /// - Throws: `ArtifactError`
    init(directory: String) throws {
        full = try ModelCard.load(directory: "\(directory)/full").identity.description
        small = try Capability.requestable.reduce(into: [:]) { small, capability in
            small[capability] = try ModelCard.load(directory: "\(directory)/\(capability)").identity.description
        }
    }

    func run(_ route: Route, small: String?, full: String?) -> Bool {
        small != nil && self.small[route.capability] == small && self.full == full
    }
}
