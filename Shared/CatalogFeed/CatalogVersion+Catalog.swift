import CatalogFile
import Contracts
import Store

extension CatalogVersion {
    /// Reads the catalog of the version.
    /// - Throws: `CatalogFileError` if a later program than this one has written it.
    public func catalog() throws(CatalogFileError) -> Catalog {
        try CatalogFile.read(catalog: body, file: "version \(number)")
    }
}
