import Contracts
import Settings

/// Certificates beside the models that they are of, one a line.
enum CertificateFile {
    static func path(of capability: Capability, in modelsDirectory: String) -> String {
        "\(modelsDirectory)/\(capability)/certificates.jsonl"
    }

    /// - Returns: nothing where there is no such file.
    /// - Throws: `SmallFileError`; `ContractError` for a line that is no certificate.
    static func read(_ path: String) throws -> [Certificate] {
        guard SmallFile.isRegular(path) else { return [] }
        return try InputFile.lines(of: try InputFile.read(path)).map { try Certificate(decoding: Array($0.bytes)) }
    }

    /// Puts certificates in the place of those of the same tasks; the others stay.
    static func replace(_ certificates: [Certificate], in path: String) throws {
        let routes = Set(certificates.map(\.route))
        let all = try read(path).filter { !routes.contains($0.route) } + certificates
        let lines = all.sorted { $0.route.description < $1.route.description }.map { $0.encode() + [0x0A] }
        try SmallFile.replace(path, with: Array(lines.joined()))
    }
}
