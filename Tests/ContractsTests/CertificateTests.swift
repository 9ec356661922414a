import BuiltInCatalog
import Contracts
import Testing

struct CertificateTests {
    private static let clause = Route(.legalServices, "clause-type")

    private static func certificate(note: String? = "a note", loss: Certificate.AccuracyLoss? = nil) -> Certificate {
        var generator = SystemRandomNumberGenerator()
        return Certificate(
            id: .init(using: &generator), route: clause, smallModel: "small@7", fullModel: "full@1", alpha: 0.01,
            delta: 0.05, tieShare: 0.25, temperature: 1.25, threshold: 0.95, acceptThreshold: 0.930_000_000_000_1,
            fitted: 100, items: 900,
            accepted: 700, disagreements: 2, bound: 0.009, escalationRate: .init(value: 0.25, low: 0.22, high: 0.28),
            saving: .init(value: -0.01, low: -0.02, high: 0.01), accuracyLoss: loss,
            source: .init(file: "items.jsonl.gz", sha256: "ab"),
            certifiedAt: Timestamp(milliseconds: 1_790_000_000_123), note: note)
    }

    @Test func `a certificate is read as it was written`() throws {
        for certificate in [
            Self.certificate(), Self.certificate(note: nil, loss: .init(lost: 1, gained: 2, bound: 0.012)),
        ] {
            #expect(try Certificate(decoding: certificate.encode()) == certificate)
            let standing = StandingCertificates(route: Self.clause, certificates: [certificate, Self.certificate()])
            #expect(try StandingCertificates(decoding: standing.encode()) == standing)
        }
        let certificate = Self.certificate()
        let tenants = ["umbra", "acme \"\u{0}\""].map { TenantID(rawValue: $0) }
        let excepting = StandingCertificates(
            route: Self.clause, certificates: [certificate], revokedTenants: [certificate.id: Set(tenants)])
        #expect(try StandingCertificates(decoding: excepting.encode()) == excepting)
        let none = StandingCertificates(route: Self.clause, certificates: [])
        #expect(
            String(decoding: none.encode(), as: UTF8.self)
                == #"{"capability":"legal-services","task":"clause-type","certificates":[]}"#)
        #expect(try StandingCertificates(decoding: none.encode()) == none)
    }

    @Test func `the certificates of a task fit in a record, however many tenants may not use one`() throws {
        let certificate = Self.certificate()
        let tenants = (0..<StandingCertificates.mostRevokedTenants).map { number in
            let digits = "\(number)"
            return TenantID(
                rawValue: digits + String(repeating: "\u{1}", count: Limits.identifierBytes - digits.utf8.count))
        }
        let standing = StandingCertificates(
            route: Self.clause, certificates: [certificate], revokedTenants: [certificate.id: Set(tenants)])
        #expect(standing.encode().count < 900_000)
    }

    @Test func `a certificate without a tie share counts only the best label`() throws {
        let text = String(decoding: Self.certificate().encode(), as: UTF8.self)
            .replacing(#""tieShare":0.25,"#, with: "")
        #expect(try Certificate(decoding: Array(text.utf8)).tieShare == 1)
    }

    @Test func `a certificate covers its own pair of models and no other`() {
        let certificate = Self.certificate()
        func pair(_ small: String, _ full: String) -> ModelPair {
            ModelPair(
                small: ModelIdentity(name: "small", version: small), full: ModelIdentity(name: "full", version: full))
        }
        #expect(certificate.covers(pair("7", "1")))
        #expect(!certificate.covers(pair("8", "1")))
        #expect(!certificate.covers(pair("7", "2")))
    }

    @Test func `a certificate of a judge is for this judge, and says so`() throws {
        var certificate = Self.certificate()
        func models(_ judge: String?) -> ModelPair {
            ModelPair(
                small: ModelIdentity(name: "small", version: "7"), full: ModelIdentity(name: "full", version: "1"),
                judge: judge.map { ModelIdentity(name: "endpoint:fair", version: $0) })
        }
        #expect(certificate.covers(models(nil)) && !certificate.covers(models("1")))
        certificate.judge = "endpoint:fair@1"
        #expect(certificate.covers(models("1")) && !certificate.covers(models("2")) && !certificate.covers(models(nil)))
        #expect(try Certificate(decoding: certificate.encode()) == certificate)
    }

    @Test(arguments: [
        (#""acceptThreshold":0.9300000000001"#, #""acceptThreshold":1.5"#), (#""bound":0.009"#, #""bound":"CANARY""#),
        (#""tieShare":0.25"#, #""tieShare":0"#), (#""tieShare":0.25"#, #""tieShare":2"#),
        (#""small":"small@7","#, ""),
        (#""certifiedAt":""#, #""certifiedAt":"CANARY"#),
        (#""escalationRate":{"value""#, #""escalationRate":{"worth""#), (#""data":{"file""#, #""data":{"CANARY""#),
        (#"{"id":""#, #"{"id":"CANARY"#),
    ])
    func `what is no certificate is refused, without quoting it`(good: String, bad: String) throws {
        let text = String(decoding: Self.certificate().encode(), as: UTF8.self)
        #expect(text.contains(good))
        let error = #expect(throws: ContractError.self) {
            try Certificate(decoding: Array(text.replacing(good, with: bad).utf8))
        }
        #expect(error?.description.contains("CANARY") == false)
    }

    @Test(arguments: ["", "0123456789abcdef0", "0123456789abcdeF", "0123456789abcde'", "0123456789abcde"])
    func `an id is 16 hexadecimal digits`(text: String) {
        #expect(Certificate.ID(text) == nil)
        #expect(Certificate.ID("0123456789abcdef")?.description == "0123456789abcdef")
    }
}
