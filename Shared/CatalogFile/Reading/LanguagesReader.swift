import Contracts
import JSON

extension FileReader {
    /// Reads a list of languages that may be missing.
    /// - Parameter orAny: whether a `*` alone stands for any language.
    mutating func languages(_ name: String, of object: FileObject, orAny: Bool = false) -> [String] {
        let path = object.path(of: name)
        guard let member = object.members[name], let elements = array(member, at: path, CatalogLimits.languages) else {
            return []
        }
        if orAny, elements.count == 1, elements.first?.value.string == CapabilityDescription.anyLanguage {
            return [CapabilityDescription.anyLanguage]
        }
        var unique = UniqueNames()
        return elements.compactMap { path, value in
            guard let tag = text(value, at: path, .language) else { return nil }
            unique.add(tag, at: path, &self)
            return tag
        }
    }
}
