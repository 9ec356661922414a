import Contracts
import Settings

/// Reads and writes certificates in a file beside their models, one on each line.
enum CertificateFile {
    static func path(of model: String, in modelsDirectory: String) -> String {
        "\(modelsDirectory)/\(model)/certificates.jsonl"
    }

    /// - Returns: an empty list if the file does not exist.
    /// - Throws: `SmallFileError`; `ContractError` for a line that is not a certificate.
    static func read(_ path: String) throws -> [Certificate] {
        guard SmallFile.isRegular(path) else { return [] }
        return try InputFile.lines(of: try InputFile.read(path)).map { try Certificate(decoding: Array($0.bytes)) }
    }

    /// Replaces the certificates of other versions of the same models on the same tasks. The others stay.
    static func replace(_ certificates: [Certificate], in path: String) throws {
        let replaced = Set(certificates.map(Subject.init))
        let all = try read(path).filter { !replaced.contains(Subject($0)) } + certificates
        let lines = all.sorted { $0.route.description < $1.route.description }.map { $0.encode() + [0x0A] }
        try SmallFile.replace(path, with: Array(lines.joined()))
    }

    /// What a file has one certificate of.
    private struct Subject: Hashable {
        let route: Route
        let smallModel: Substring

        init(_ certificate: Certificate) {
            route = certificate.route
            smallModel = certificate.smallModel.prefix { $0 != "@" }
        }
    }
}
