import Contracts
import Foundation
import Inference
import Telemetry
import WorkerKit

extension Request.ID {
    /// Returns the same id for the same number, and ids ascend with the number.
    public static func numbered(_ number: UInt64) -> Request.ID {
        var generator = Counting(next: number)
        return Request.ID(acceptedAt: Timestamp(milliseconds: 1_790_000_000_000), using: &generator)
    }

    private struct Counting: RandomNumberGenerator {
        var value: UInt64

        init(next: UInt64) { value = next }

        mutating func next() -> UInt64 {
            defer { value += 1 }
            return value
        }
    }
}

extension Logger {
    public static let silent = Logger(service: "test", level: .error) { _ in }
}

/// Files of this repository, independent of the working directory.
public enum Tree {
    public static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    public static func model(_ name: String) -> String { "\(root)/infra/models/\(name)" }

    public static func counterfactual() throws -> Counterfactual {
        try Counterfactual(ModelCard.load(directory: model("full")))
    }

    /// The certificates of the committed models.
    public static func certificates(of capability: Capability) throws -> [Certificate] {
        guard let text = try? String(contentsOfFile: model("\(capability)/certificates.jsonl"), encoding: .utf8) else {
            return []
        }
        return try text.split(separator: "\n").map { try Certificate(decoding: Array($0.utf8)) }
    }

    public static func fullCard() throws -> ModelCard { try ModelCard.load(directory: model("full")) }
}

/// A seeded generator, so that a test that fails today also fails tomorrow.
public struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
