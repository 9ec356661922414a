import Contracts
import Crypto
import Evaluation
import Settings

extension LabelledFile {
    /// Reads a file, plain or gzipped. It is read once, so that it may be a pipe.
    /// - Parameters:
    ///   - catalog: the tasks that a line may name.
    ///   - mayLackLabels: whether labels are optional.
    /// - Throws: `SmallFileError`, `LabelledFileError`
    init(reading path: String, catalog: Catalog, mayLackLabels: Bool = false) throws {
        let bytes = try InputFile.read(path)
        try self.init(
            path: path, sha256: bytes.withUnsafeBytes { SHA256.hex($0) },
            lines: InputFile.lines(of: try Self.contents(of: bytes, path)), catalog: catalog,
            mayLackLabels: mayLackLabels)
    }

    /// Reports the omitted rows.
    func complainOfRejected(_ verb: String) {
        for rejection in rejected.prefix(Self.mostComplaints) {
            Console.complain("winnow \(verb): \(path), line \(rejection.line) is omitted: \(rejection.error)")
        }
        if rejected.count > Self.mostComplaints {
            Console.complain("winnow \(verb): \(rejected.count - Self.mostComplaints) more lines are omitted")
        }
    }

    private static let mostComplaints = 10

    static func contents(of bytes: [UInt8], _ path: String) throws(LabelledFileError) -> [UInt8] {
        guard Gzip.isGzip(bytes) else { return bytes }
        do {
            return try Gzip.inflated(bytes, limit: InputFile.limit)
        } catch {
            switch error {
            case .damaged: throw LabelledFileError("\(path) is damaged")
            case .tooLarge: throw LabelledFileError("\(path) contains more than \(InputFile.limit) bytes")
            }
        }
    }
}
