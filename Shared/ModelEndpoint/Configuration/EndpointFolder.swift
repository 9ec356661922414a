import Contracts
import JSON
import Settings

/// A folder of endpoints, such as `infra/endpoints`: one for each `NAME.json`.
public struct EndpointFolder: Sendable {
    private let path: String

    public init(_ path: String) { self.path = path }

    /// Reads the named endpoints, and those that they fall back to.
    /// - Parameter names: without `endpoint:`.
    /// - Throws: `EndpointConfigurationErrors` with every fault of every file.
    public func endpoints(named names: Set<String>) throws(EndpointConfigurationErrors) -> [EndpointDescription] {
        var found: [EndpointDescription] = [], errors: [EndpointConfigurationError] = []
        var open = names, known = names
        while let name = open.min() {
            open.remove(name)
            do throws(EndpointConfigurationErrors) {
                let (configuration, file) = try read(name)
                found.append(EndpointDescription(name: name, version: configuration.version, file: file))
                let fallbacks = Set(configuration.fallbacks)
                if fallbacks.contains(name) {
                    errors.append(fault(name, "fallbacks", "must name other endpoints than this one"))
                }
                open.formUnion(fallbacks.subtracting(known))
                known.formUnion(fallbacks)
            } catch {
                errors += error.errors
            }
        }
        guard errors.isEmpty else { throw EndpointConfigurationErrors(errors: errors) }
        return found.sorted { $0.name < $1.name }
    }

    /// The prices of an endpoint of this folder, the latest first.
    /// - Throws: `EndpointConfigurationErrors`
    public func prices(of endpoint: EndpointDescription) throws(EndpointConfigurationErrors) -> [EndpointPrice] {
        try EndpointReader.read(Array(endpoint.file.utf8), name: endpoint.name, file: file(endpoint.name)).prices.list
    }

    /// Whether the file of an endpoint's key can be read on this machine.
    /// - Throws: `EndpointConfigurationErrors`
    public func key(of endpoint: EndpointDescription) throws(EndpointConfigurationErrors) -> EndpointKey {
        EndpointKey(
            try EndpointReader.read(Array(endpoint.file.utf8), name: endpoint.name, file: file(endpoint.name)).key)
    }

    func configuration(of name: String) throws(EndpointConfigurationErrors) -> EndpointConfiguration {
        try read(name).configuration
    }

    /// Returns the names of endpoints, and of those among `endpoints` that they fall back to.
    public func closure(of names: Set<String>, among endpoints: [EndpointDescription]) -> Set<String> {
        var found = names, open = names
        while let name = open.popFirst() {
            guard let endpoint = endpoints.first(where: { $0.name == name }),
                let read = try? EndpointReader.read(Array(endpoint.file.utf8), name: name, file: file(name))
            else { continue }
            open.formUnion(Set(read.fallbacks).subtracting(found))
            found.formUnion(read.fallbacks)
        }
        return found
    }

    private func read(
        _ name: String
    ) throws(EndpointConfigurationErrors) -> (configuration: EndpointConfiguration, file: String) {
        let bytes: [UInt8]
        do {
            bytes = try SmallFile.read(file(name), limit: EndpointReader.mostBytes)
        } catch {
            throw EndpointConfigurationErrors(errors: [fault(name, "", error.reason)])
        }
        let configuration = try EndpointReader.read(bytes, name: name, file: file(name))
        return (configuration, Self.compact(bytes))
    }

    /// Editors find the schema by `$schema`, which says nothing to a service.
    private static func compact(_ bytes: [UInt8]) -> String {
        var writer = JSONWriter(reservingCapacity: bytes.count)
        _ = try? JSONDocument.read(bytes) { root in
            writer.object { writer in
                root.forEachMember { name, value in
                    guard name != "$schema" else { return }
                    writer.name(name)
                    writer.value(value)
                }
            }
        }
        return writer.text
    }

    private func file(_ name: String) -> String { "\(path)/\(name).json" }

    private func fault(_ name: String, _ place: String, _ message: String) -> EndpointConfigurationError {
        EndpointConfigurationError(file: file(name), path: place, message: message)
    }
}
