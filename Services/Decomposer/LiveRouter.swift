import Contracts
import Inference
import Routing
import Telemetry
import WorkerKit

/// The router as the catalog has it: which route heads are evaluated.
///
/// Another catalog needs no other weights, so an instance for it is made at once, between two batches.
struct LiveRouter: Sendable {
    private let router: ItemReader
    private let newest = Newest<CatalogRouting, ItemReader>()
    private let logger: Logger

    init(_ router: ItemReader, logger: Logger) {
        self.router = router
        self.logger = logger
    }

    /// - Throws: `InferenceError`
    func following(_ catalog: Catalog) throws -> any RequestReader {
        try newest.value(for: catalog.routing) {
            let router = try ItemReader(sharing: router, catalog: catalog)
            for route in router.refusedHeads {
                logger.warning(
                    "A route head of another router is not used: only machines ask for its task",
                    metadata: [LogKeys.route: "\(route)"])
            }
            return router
        }
    }
}
