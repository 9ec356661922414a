/// The targets of Package.swift, and the imports that are allowed between them.
struct Architecture {
    /// A target may only import targets that are listed before it.
    let shared: [String]
    let services: [String]
    let cModules: [String]

    /// Every target may use the seams. Only `App.swift`, and tools that are not services, may use these targets.
    static let liveAdapters = ["KafkaBus", "PostgresStore"]
    static let tools = ["CLI", "DevBroker"]

    init(shared: [String], services: [String], cModules: [String]) {
        self.shared = shared
        self.services = services
        self.cModules = cModules
    }

    init(manifest: String) {
        func names(_ list: String, _ pattern: Regex<(Substring, Substring)>) -> [String] {
            guard let start = manifest.firstRange(of: "let \(list)"),
                let end = manifest[start.upperBound...].firstRange(of: "\n\n")
            else { return [] }
            return manifest[start.upperBound..<end.lowerBound].matches(of: pattern).map { String($0.output.1) }
        }
        shared = names("sharedModules", /shared\(\s*"(\w+)"/)
        services =
            names("services", /service\(\s*"(\w+)"/) + names("capabilities", /"(\w+)"/).map { $0 + "Worker" }
        cModules = names("cModules", /(?:library\(|name: )"(\w+)"/)
    }

    /// Every import that violates the rules.
    func violations(in files: [SourceFile]) -> [String] {
        files.flatMap { file in
            Set(file.imports).sorted().compactMap { violation(of: file, importing: $0).map { "\(file.path): \($0)" } }
        }
            + cModules.compactMap { module in
                let importers = Set(files.filter { $0.imports.contains(module) }.map(\.module)).sorted()
                return importers.count == 1 ? nil : "\(module) must have one importer, and has \(importers)"
            }
    }

    private func violation(of file: SourceFile, importing module: String) -> String? {
        if services.contains(module) { return "imports the service \(module)" }
        if ["Foundation", "FoundationEssentials", "FoundationNetworking"].contains(module) {
            return "imports \(module), which costs megabytes and start: Glibc and Settings.SmallFile do"
        }
        if Self.liveAdapters.contains(module), file.isService, file.name != "App.swift",
            !Self.tools.contains(file.module)
        {
            return "imports the adapter \(module), which only App.swift may pick"
        }
        guard !file.isService, let imported = shared.firstIndex(of: module) else { return nil }
        guard let own = shared.firstIndex(of: file.module) else { return "belongs to no target of Package.swift" }
        if Self.liveAdapters.contains(module) { return "imports the adapter \(module), which only services may pick" }
        return imported < own ? nil : "imports \(module), which stands below \(file.module)"
    }
}
