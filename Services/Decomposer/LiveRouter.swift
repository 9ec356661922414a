import Contracts
import Inference
import Telemetry
import WorkerKit

/// The router as the catalog has it: which findings of a long text count, and which route heads are evaluated.
///
/// Another catalog needs no other weights, so an instance for it is made at once, between two batches.
struct LiveRouter: Sendable {
    private let router: EncoderClassifier
    private let newest = Newest<CatalogRouting, EncoderClassifier>()
    private let logger: Logger

    init(_ router: EncoderClassifier, logger: Logger) {
        self.router = router
        self.logger = logger
    }

    /// - Throws: `InferenceError`
    func following(_ catalog: Catalog) throws -> any Classifier {
        try newest.value(for: catalog.routing) {
            let router = try EncoderClassifier(sharing: router, catalog: catalog)
            for route in router.refusedHeads {
                logger.warning(
                    "A route head of another router is not used: only machines ask for its task",
                    metadata: [LogKeys.route: "\(route)"])
            }
            return router
        }
    }
}
