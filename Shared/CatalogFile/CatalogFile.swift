import Contracts
import Crypto
import JSON
import Settings

/// The catalog as files: one `capability.json` for each capability, in a folder with the capability's name.
///
/// Reading is strict. A file that says something unknown, twice or contradictory is refused, because a catalog decides
/// which model answers, and a misspelt member would silently mean its default.
/// - Source: infra/capabilities/schema.json
public enum CatalogFile {
    /// The name of each capability's file.
    public static let name = "capability.json"
    /// The name of the file beside the folders of capabilities that says who decides where the router is not sure. It may
    /// be missing.
    public static let decompositionName = "decomposition.json"

    /// Reads the capabilities in the subfolders of `folder`. Other files and hidden folders are ignored.
    /// - Throws: `CatalogFileError` with every fault of every file.
    public static func read(folder: String) throws(CatalogFileError) -> Catalog {
        let names = try CapabilityFolder.names(in: folder)
        var capabilities: [CapabilityDescription] = [], faults: [CatalogFileError.Fault] = []
        for name in names {
            let file = "\(folder)/\(name)/\(Self.name)"
            do throws(CatalogFileError) {
                let capability = try read(file: file)
                capabilities.append(capability)
                if capability.name.rawValue != name {
                    faults.append(.init(.conflict, file, "name", "differs from the name of the file's folder"))
                }
            } catch {
                faults += error.faults
            }
        }
        var decomposition = DecompositionDescription()
        do throws(CatalogFileError) {
            decomposition = try Self.decomposition(in: folder)
        } catch {
            faults += error.faults
        }
        guard faults.isEmpty else { throw CatalogFileError(faults) }
        let catalog = Catalog(capabilities, decomposition: decomposition)
        guard write(catalog).count <= CatalogLimits.catalogBytes else {
            throw CatalogFileError(.size, folder, "holds more than \(CatalogLimits.catalogBytes) bytes")
        }
        return catalog
    }

    /// - Returns: what no file says, if there is none.
    private static func decomposition(in folder: String) throws(CatalogFileError) -> DecompositionDescription {
        let file = "\(folder)/\(decompositionName)"
        guard SmallFile.exists(file) else { return DecompositionDescription() }
        return try document(try bytes(of: file), limit: CatalogLimits.fileBytes, file) { reader, root in
            reader.decomposition(root, at: "", isFile: true)
        }
    }

    /// Reads the file of one capability.
    /// - Throws: `CatalogFileError` with every fault of the file.
    public static func read(file: String) throws(CatalogFileError) -> CapabilityDescription {
        try read(bytes: try bytes(of: file), file: file)
    }

    private static func bytes(of file: String) throws(CatalogFileError) -> [UInt8] {
        // Opening a pipe would wait for a writer.
        guard !SmallFile.exists(file) || SmallFile.isRegular(file) else {
            throw CatalogFileError(.unreadable, file, "is not a regular file")
        }
        do {
            return try SmallFile.read(file, limit: CatalogLimits.fileBytes)
        } catch {
            throw CatalogFileError(.unreadable, file, error.reason)
        }
    }

    /// Reads one capability.
    /// - Parameter file: the name that errors give the bytes.
    /// - Throws: `CatalogFileError` with every fault.
    public static func read(bytes: [UInt8], file: String) throws(CatalogFileError) -> CapabilityDescription {
        try document(bytes, limit: CatalogLimits.fileBytes, file) { reader, root in
            reader.capability(root, at: "")
        }
    }

    /// Reads a whole catalog, as `write` wrote it.
    /// - Parameter file: the name that errors give the bytes.
    /// - Throws: `CatalogFileError` with every fault.
    public static func read(catalog bytes: [UInt8], file: String) throws(CatalogFileError) -> Catalog {
        try document(bytes, limit: CatalogLimits.catalogBytes, file) { reader, root in reader.catalog(root) }
    }

    private static func document<Value>(
        _ bytes: [UInt8], limit: Int, _ file: String, _ body: (inout CapabilityReader, JSONValue) -> Value?
    ) throws(CatalogFileError) -> Value {
        guard bytes.count <= limit else { throw CatalogFileError(.size, file, "has more than \(limit) bytes") }
        var reader = CapabilityReader(file: file)
        var value: Value?
        do {
            value = try JSONDocument.read(bytes) { root in body(&reader, root) }
        } catch {
            throw CatalogFileError(.json, file, "\(error)")
        }
        guard reader.faults.isEmpty, let value else { throw CatalogFileError(reader.faults) }
        return value
    }

    /// Returns the canonical form: compact JSON, members in the order of the schema, and none that has its default.
    /// The bytes of equal capabilities are equal. A schema of answers is written as it is.
    public static func write(_ capability: CapabilityDescription) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 4096)
        writer.capability(capability)
        return writer.bytes
    }

    /// Returns the canonical form.
    public static func write(_ decomposition: DecompositionDescription) -> [UInt8] {
        var writer = JSONWriter()
        writer.decomposition(decomposition)
        return writer.bytes
    }

    /// Returns the canonical form of a whole catalog.
    public static func write(_ catalog: Catalog) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1 << 16)
        writer.object { writer in
            writer.name("capabilities")
            writer.array(catalog.capabilities) { $0.capability($1) }
            if catalog.decomposition != DecompositionDescription() {
                writer.name("decomposition")
                writer.decomposition(catalog.decomposition)
            }
            guard !catalog.endpoints.isEmpty else { return }
            writer.name("endpoints")
            writer.array(catalog.endpoints) { writer, endpoint in
                writer.object { writer in
                    writer.member("name", endpoint.name)
                    writer.member("version", endpoint.version)
                    writer.name("file")
                    writer.raw(endpoint.file)
                }
            }
        }
        return writer.bytes
    }

    /// Returns the SHA-256 of the canonical form in lower-case hexadecimal. Equal catalogs have equal fingerprints.
    public static func fingerprint(_ catalog: Catalog) -> String {
        write(catalog).withUnsafeBytes { SHA256.hex($0) }
    }

    /// Returns the SHA-256 of the canonical form in lower-case hexadecimal.
    public static func fingerprint(_ capability: CapabilityDescription) -> String {
        write(capability).withUnsafeBytes { SHA256.hex($0) }
    }
}

/// How large a catalog may be.
public enum CatalogLimits {
    /// - Units: bytes of one capability's file.
    public static let fileBytes = 1 << 20
    /// - Units: bytes of a whole catalog in its canonical form.
    ///   A version is one record, whose headers need room too.
    public static let catalogBytes = 1_000_000
    public static let capabilities = 256
    /// Of one capability.
    public static let tasks = 64
    /// Of one capability, and as many that its full models understand.
    public static let languages = 1...64
    /// Of one task. One label would leave nothing to decide.
    public static let labels = 2...1000
    /// - Units: bytes of the JSON Schema of a task's answers, in compact form.
    public static let answerSchemaBytes = 64 << 10
    /// Of one task that is routed by a head of its own.
    public static let examples = 20...200
    /// - Units: numbers of a router's state, which no encoder exceeds.
    static let stateSize = 4096
    // The following are counted in code points, as JSON Schema does.
    public static let titleLength = 100
    public static let descriptionLength = 1000
    public static let labelLength = 128
    public static let labelDescriptionLength = 500
    public static let endpoints = 64
    public static let answerTokens = 1...32_768
    public static let temperature = 0.0...2.0
    public static let stopTexts = 1...4
    public static let stopTextLength = 100
    public static let exampleLength = 500
}
