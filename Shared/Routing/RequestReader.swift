import Contracts
import Inference

/// What finds the items of requests, and says where each belongs.
public protocol RequestReader: Sendable {
    /// The router's name, and its version, which answers and the ledger name.
    var identity: ModelIdentity { get }

    /// - Parameter requests: the sources of each request: its own text first, then its attachments.
    /// - Returns: for each request a reading of each source.
    func read(_ requests: [[String]]) throws(InferenceError) -> [[SourceReading]]
}

extension ItemReader: RequestReader {}
