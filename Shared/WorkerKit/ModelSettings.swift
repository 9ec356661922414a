import Contracts
import Settings

/// Where the model artifacts are.
public struct ModelSettings: Sendable {
    /// - Default: `infra/models`. Key: `WINNOW_MODELS_DIRECTORY`.
    public let directory: String

    public init(_ reader: inout SettingsReader) {
        directory = reader.string("WINNOW_MODELS_DIRECTORY", default: "infra/models")
    }

    public var fullModel: String { directory + "/full" }
    public var router: String { directory + "/router" }
    public var splitter: String { directory + "/splitter" }

    public func model(of capability: Capability) -> String { "\(directory)/\(capability)" }
}
