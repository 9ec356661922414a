import Glibc

/// The folders of capabilities in a folder.
enum CapabilityFolder {
    /// Returns the names of the subfolders in ascending order, without hidden ones.
    /// - Throws: `CatalogFileError` if there is none, or more than a catalog may have.
    static func names(in folder: String) throws(CatalogFileError) -> [String] {
        guard let stream = opendir(folder) else {
            throw CatalogFileError(.unreadable, folder, String(cString: strerror(errno)))
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix("."), isFolder("\(folder)/\(name)") else { continue }
            guard names.count < CatalogLimits.capabilities else {
                throw CatalogFileError(.size, folder, "holds more than \(CatalogLimits.capabilities) capabilities")
            }
            names.append(name)
        }
        // An empty catalog is most likely another folder than was meant.
        guard !names.isEmpty else { throw CatalogFileError(.missing, folder, "holds no capability") }
        return names.sorted()
    }

    /// Also if the path is a link to a folder.
    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
