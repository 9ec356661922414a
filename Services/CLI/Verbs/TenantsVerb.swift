import Contracts
import PostgresStore
import Store

/// Who asks, how much of it waits, and how much each may have of what is under way.
struct TenantsVerb: Verb {
    static let name = "tenants"
    static let summary = "list tenants with what is open and waiting, or set a tenant's weight"
    static let help = """
        Usage: winnow tenants list [--json]
               winnow tenants set TENANT --weight N [--json]

        Where there is not room for all, tenants take turns: for each request of a tenant of weight 1, N of a tenant of
        weight N. Weights are whole numbers from 1 to 100, 1 unless set, and hold from the next turn on.

        'list' shows those with the most waiting first.
        """

    private enum Action {
        case list
        case set(TenantID, weight: Int)
    }

    private let action: Action
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let word = try arguments.operand("list or set")
        isJSON = arguments.flag("--json")
        switch word {
        case "list": action = .list
        case "set":
            let tenant = try arguments.tenant()
            let weight = try arguments.integer("--weight", default: 0, in: Turns.weights)
            guard weight > 0 else { throw UsageError("--weight is missing") }
            action = .set(tenant, weight: weight)
        default: throw UsageError("no such action: \(word)")
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let settings = try session.postgres()
        let table: Table
        switch action {
        case .list: table = Table(try await OperationsReader(settings).tenants())
        case .set(let tenant, let weight):
            try await PostgresStore(settings).setWeight(weight, of: tenant)
            table = Table(columns: ["tenant", "weight"], rows: [[.text(tenant.rawValue), .number("\(weight)")]])
        }
        Console.print(table, asJSON: isJSON)
        return .ok
    }
}
