import CatalogFile
import Contracts
import MessageBus
import Planning
import Store

/// A record of `winnow.catalog.v1`: one version of the whole catalog.
///
/// Its key is always the same, so that the compacted topic keeps the newest version.
public struct CatalogMessage {
    private static let key = Array("catalog".utf8)

    /// The data is the catalog in its canonical form, and the id names its version.
    public static func record(of version: CatalogVersion, from source: String, at time: Timestamp) -> OutgoingRecord {
        CloudEvent(
            id: "\(version.number)", type: EventType.catalog, source: source, time: time, data: version.body
        ).record(topic: Topic.catalog, key: key)
    }

    let number: Int64
    private let body: [UInt8]

    /// - Returns: `nil` for a record that is no version of a catalog.
    init?(_ record: Record) {
        guard let event = try? CloudEvent(record, as: EventType.catalog), let number = Int64(event.id),
            let body = event.data
        else { return nil }
        (self.number, self.body) = (number, body)
    }

    /// - Throws: `CatalogFileError`
    func catalog() throws(CatalogFileError) -> Catalog { try CatalogFile.read(catalog: body, file: Topic.catalog) }
}
