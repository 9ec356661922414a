import FoundationEssentials
import Inference

extension SHA256 {
    /// - Throws: `LabelledFileError`
    static func hex(ofFile path: String) throws -> String {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw LabelledFileError("\(path) cannot be opened")
        }
        return data.withUnsafeBytes { hex($0) }
    }
}
