import Crypto
import Foundation

/// The SHA-256 of each merged migration, in the format of `sha256sum`.
///
/// `winnow migrate` refuses a database whose applied migrations differ, so a merged migration is never edited.
struct MigrationRecord {
    private let hashes: [String: String]

    init(_ text: String) {
        let lines = text.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
        let pairs = lines.filter { $0.count == 2 }.map { (String($0[1]), String($0[0])) }
        hashes = Dictionary(pairs) { first, _ in first }
    }

    /// Every migration that is not the recorded one, is missing, or is not recorded.
    /// - Parameter files: the contents of each file, by name.
    func violations(in files: [String: Data]) -> [String] {
        let found = files.mapValues { $0.withUnsafeBytes { SHA256.hex($0) } }
        return Set(found.keys).union(hashes.keys).sorted().compactMap { name in
            switch (found[name], hashes[name]) {
            case (nil, _): "\(name): is missing, or was renamed"
            case (_, nil): "\(name): is not recorded: run infra/dev/record-migrations.sh"
            case (let found, let recorded) where found != recorded: "\(name): was changed; write a new migration"
            default: nil
            }
        }
    }
}
