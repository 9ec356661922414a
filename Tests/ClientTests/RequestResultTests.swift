import BuiltInCatalog
import Contracts
import JSON
import Testing

@testable import Client

struct RequestResultTests {
    private let json = #"""
        {"id":"mine","requestId":"r","status":"completed","steps":[{"capability":"legal-services","task":"clause-type",
        "status":"answered","items":[{"text":"a\nb","span":[0,3],"label":"x","confidence":0.87654,"decidedBy":"full",
        "model":"full@1"},{"text":"c"}]}],"usage":{"flops":7,"fullModelFlops":70},
        "cost":{"picoUSD":3,"fullModelPicoUSD":30}}
        """#

    @Test func `a result is read as it was promised`() throws {
        let result = try RequestResult(Array(json.utf8))
        #expect(result.status == "completed")
        #expect(result.steps.map(\.route) == [Route(.legalServices, "clause-type")])
        #expect(result.steps.first?.items.map(\.label) == ["x", nil])
        #expect(result.steps.first?.items.map(\.decidedBy) == [.full, nil])
        #expect(result.flops == 7)
        #expect(result.fullModelFlops == 70)
        #expect(result.cost == PicoDollars(3))
        #expect(result.fullModelCost == PicoDollars(30))
    }

    @Test func `what is no result is refused`() {
        #expect(throws: JSONError.self) { try RequestResult(Array("{".utf8)) }
    }
}
