import Contracts
import FoundationEssentials

/// Certificates beside the models that they are of, one a line.
enum CertificateFile {
    static func path(of capability: Capability, in modelsDirectory: String) -> String {
        "\(modelsDirectory)/\(capability)/certificates.jsonl"
    }

    /// - Returns: nothing where there is no such file.
    /// - Throws: `ContractError` for a line that is no certificate.
    static func read(_ path: String) throws -> [Certificate] {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return [] }
        return try data.split(separator: UInt8(ascii: "\n")).map { try Certificate(decoding: Array($0)) }
    }

    /// Puts certificates in the place of those of the same tasks; the others stay.
    static func replace(_ certificates: [Certificate], in path: String) throws {
        let routes = Set(certificates.map(\.route))
        let all = try read(path).filter { !routes.contains($0.route) } + certificates
        let lines = all.sorted { $0.route.description < $1.route.description }.map { $0.encode() + [0x0A] }
        try Data(lines.joined()).write(to: URL(filePath: path), options: .atomic)
    }
}
