import CatalogFile
import Contracts
import ModelEndpoint
import PostgresStore
import Store

/// Checks the endpoints of the catalog in force: whether their keys can be read here, and what the ledger shows of
/// their servers.
///
/// The servers are not asked: `winnow models test` does that. Whether a circuit is open is known to the escalators
/// alone, which export it as a metric; here it shows as tries that fail and then cease.
enum EndpointCheck {
    static func findings(
        _ catalog: Catalog, folder: EndpointFolder, activity: [EndpointActivity]
    ) -> [Finding] {
        catalog.endpoints.flatMap { endpoint in
            [
                key(of: endpoint, in: folder),
                server(endpoint.name, activity.first { ExactText($0.endpoint) == ExactText(endpoint.name) }),
            ]
        }
    }

    private static func key(of endpoint: EndpointDescription, in folder: EndpointFolder) -> Finding {
        let check = "key of endpoint \(endpoint.name)"
        do {
            let key = try folder.key(of: endpoint)
            guard key == .absent else { return EndpointFindings.key(key, check: check) }
            return Finding(check, .good, "not checked here: its file is only where the escalator runs")
        } catch {
            return Finding(check, .bad, "\(error)", "correct the endpoint's file, and run 'winnow catalog apply'")
        }
    }

    private static func server(_ name: String, _ activity: EndpointActivity?) -> Finding {
        let check = "endpoint \(name)"
        guard let activity else { return Finding(check, .good, "not asked in the last 15 minutes") }
        let settled = activity.tries - activity.openTries
        let open = activity.openTries == 0 ? "" : ", \(activity.openTries) under way"
        guard activity.failedTries > 0 else {
            return Finding(check, .good, "\(settled) tries in the last 15 minutes, none failed\(open)")
        }
        let text =
            "\(activity.failedTries) of \(settled) tries failed in the last 15 minutes: \(activity.failures)\(open)"
        let advice =
            "run 'winnow models test \(Shell.quoted(name))', and see winnow_endpoint_breaker_state of the escalators"
        guard let answeredAt = activity.answeredAt else { return Finding(check, .bad, text, advice) }
        if let failedAt = activity.failedAt, failedAt > answeredAt {
            return Finding(check, .doubtful, "\(text); none answered since \(answeredAt)", advice)
        }
        // Servers refuse a request now and then, and it is made again.
        return activity.failedTries * 10 > settled
            ? Finding(check, .doubtful, text, advice) : Finding(check, .good, text)
    }
}
