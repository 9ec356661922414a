import Foundation

extension Suite {
    /// An instance as `winnow instances` lists it.
    struct Listed: Sendable {
        var state: String
        var partitions: Int
    }

    /// By id.
    nonisolated func instances(_ options: [String] = []) async throws -> [String: Listed] {
        let result = try await winnow(["instances", "--json"] + options)
        guard result.status == 0 else { throw SuiteFault(result.errors) }
        let rows = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]] ?? []
        return rows.reduce(into: [:]) { listed, row in
            guard let id = row["id"] as? String, let state = row["state"] as? String else { return }
            listed[id] = Listed(state: state, partitions: row["partitions"] as? Int ?? -1)
        }
    }

    /// Returns once each of them has partitions.
    nonisolated func haveWork(_ ids: [String]) async throws {
        try await Eventually.holds("\(ids) have partitions", within: .seconds(60)) {
            let listed = try await instances()
            return ids.allSatisfy { listed[$0]?.partitions ?? 0 > 0 }
        }
    }

    /// Stops them, and returns their exit codes.
    func end(_ services: [ServiceProcess]) async -> [Int32] {
        var codes: [Int32] = []
        for service in services {
            codes.append(await service.terminate())
            forget(service)
        }
        return codes
    }
}
