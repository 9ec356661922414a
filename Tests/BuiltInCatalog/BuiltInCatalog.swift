import CatalogFile
import Contracts

/// The names that tests use. The product knows them only from `infra/capabilities`.
extension Capability {
    public static let semanticUnderstanding = Capability(rawValue: "semantic-understanding")
    public static let softwareDevelopment = Capability(rawValue: "software-development")
    public static let legalServices = Capability(rawValue: "legal-services")
    public static let securityServices = Capability(rawValue: "security-services")
}

extension Catalog {
    /// The catalog of `infra/capabilities`.
    public static let builtIn: Catalog = {
        do {
            return try CatalogFile.read(folder: "\(Repository.root)/infra/capabilities")
        } catch {
            preconditionFailure("infra/capabilities cannot be read: \(error)")
        }
    }()
}

extension LiveCatalog {
    public static var builtIn: LiveCatalog { LiveCatalog(.builtIn) }
}

/// The folder of this repository, independent of the working directory.
public enum Repository {
    public static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
}
