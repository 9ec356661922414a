import BuiltInCatalog
import Certification
import Contracts
import Foundation
import FoundationXML
import JSON
import Testing

@testable import Evaluation

struct ReportTests {
    private static let clause = Route(.legalServices, "clause-type")
    private static let unfair = Route(.legalServices, "unfair-term")

    /// The accuracy of the small model equals its confidence, and the items with the lowest confidence escalate.
    private static func item(_ number: Int, of count: Int, _ route: Route = clause) -> ReportItem {
        let confidence = 0.5 + 0.5 * Double(number) / Double(count)
        let agrees = number * 7 % 10 < Int(confidence * 10)
        let escalated = confidence < 0.7
        let small = agrees ? "x" : "y"
        return ReportItem(
            route: route, label: number % 20 == 0 ? "z" : "x", suite: escalated ? "x" : small, small: small, full: "x",
            isPromised: escalated || agrees || number % 3 == 0, confidence: confidence, isEscalated: escalated,
            smallFlops: 5, fullFlops: 100, smallCost: 2, fullCost: 40, fullOnceCost: 30)
    }

    private static func requests(_ count: Int = 200, _ route: Route = clause) -> [[ReportItem]] {
        stride(from: 0, to: count, by: 8).map { start in
            (start..<min(start + 8, count)).map { item($0, of: count, route) }
        }
    }

    private static func report(
        _ requests: [[ReportItem]] = requests() + requests(100, unfair), file: String = "items.jsonl.gz"
    ) -> Report {
        Report(
            requests,
            source: .init(file: file, sha256: "ab12", date: "2026-11-25", models: ["full@1", "legal-services@7"]),
            draws: 200)
    }

    @Test func `each policy has its own cost and quality`() throws {
        let figures = Self.report(Self.requests()).policies.figures
        func values(_ policy: Policy) throws -> PolicyFigures { try #require(figures[policy]) }
        #expect(try values(.full).agreement.value == 1 && values(.full).computeShare.value == 1)
        #expect(try values(.full).saved.value == 0)
        #expect(try abs(values(.small).computeShare.value - 0.05) < 1e-12)
        let overall = Self.report(Self.requests()).overall
        #expect(
            try values(.suite).agreement == overall.agreement && values(.suite).accuracy == overall.accuracy[.suite])
        #expect(try abs(values(.small).cost.value - 2e-6) < 1e-12)
        // The first 80 of 200 items are below 0.7.
        #expect(try abs(values(.suite).computeShare.value - 0.45) < 1e-12)
        #expect(try abs(values(.suite).saved.value - (1 - (2 + 0.4 * 40) / 40)) < 1e-12)
        #expect(try abs(values(.suite).savedOnOnce.value - (1 - (2 + 0.4 * 40) / 30)) < 1e-12)
        for policy in Policy.allCases {
            let accuracy = try values(policy).accuracy
            #expect(accuracy.low <= accuracy.value && accuracy.value <= accuracy.high, "\(policy)")
        }
    }

    @Test func `the control spends as much as the suite and agrees less`() throws {
        let policies = Self.report().policies
        let suite = try #require(policies.figures[.suite]), control = try #require(policies.figures[.shuffled])
        #expect(abs(suite.computeShare.value - control.computeShare.value) < 1e-9)
        #expect(abs(suite.cost.value - control.cost.value) < 1e-9)
        #expect(suite.agreement.value > control.agreement.value + 0.03)
        let gain = policies.gain.agreement
        #expect(gain.value > 0.03 && gain.low < gain.value && gain.value < gain.high)
    }

    @Test func `each shuffle escalates as many items of each task as the suite, and not the same ones`() {
        let requests = Self.requests() + Self.requests(96, Self.unfair)
        func escalated(_ sums: ArraySlice<PolicySums>) -> Double {
            sums.reduce(0) { $0 + ($1.flops - $1.items * 5) / 100 }
        }
        var control = ShuffledControl(requests)
        var generator = SeededGenerator(seed: 1)
        var firsts: Set<Double> = []
        for _ in 0..<50 {
            let sums = control.draw(using: &generator)
            #expect(escalated(sums[..<25]) == Double(requests[..<25].joined().count { $0.isEscalated }))
            #expect(escalated(sums[25...]) == Double(requests[25...].joined().count { $0.isEscalated }))
            firsts.insert(sums[0].flops)
        }
        #expect(firsts.count > 1)
    }

    @Test func `if all models agree, or there is one item only, every figure on the page is a number`() {
        var alike = Self.requests()
        for request in alike.indices {
            for item in alike[request].indices {
                (alike[request][item].small, alike[request][item].suite) = ("x", "x")
                alike[request][item].label = "x"
                alike[request][item].confidence = 1
            }
        }
        for requests in [alike, [[Self.item(3, of: 10)]]] {
            let page = ReportPage.html(Self.report(requests))
            #expect(!page.contains("nan") && !page.contains("inf\"") && !page.contains("inf,"))
        }
    }

    @Test func `the curve begins with the small model and ends with the full one`() throws {
        let curve = Curve(Self.requests().flatMap(\.self))
        let first = try #require(curve.points.first), last = try #require(curve.points.last)
        #expect(abs(first.computeShare - 0.05) < 1e-12 && abs(last.computeShare - 1.05) < 1e-12)
        #expect(last.agreement == 1)
        #expect(curve.points.map(\.agreement) == curve.points.map(\.agreement).sorted())
        #expect(curve.recovered > 0.55 && curve.recovered < 1)
        // A model that always agrees leaves nothing to recover.
        var alike = Self.requests().flatMap(\.self)
        for index in alike.indices { alike[index].small = alike[index].full }
        #expect(Curve(alike).recovered.isNaN)
    }

    @Test func `bins hold all items, and a well-calibrated model has a small calibration error`() {
        let reliability = Reliability(Self.requests().flatMap(\.self))
        #expect(reliability.bins.map(\.items).reduce(0, +) == 200)
        #expect(reliability.bins.count == 10)
        #expect(reliability.error < 0.1)
        #expect(Reliability([]).bins.isEmpty && Reliability([]).error.isNaN)
    }

    @Test func `the page is well-formed, names every task, and needs nothing from elsewhere`() throws {
        let page = ReportPage.html(Self.report())
        #expect(try #require(Drawings(in: page)).titles == [1, 1, 1, 1, 1, 1])
        for task in ["legal-services/clause-type", "legal-services/unfair-term", "all tasks"] {
            #expect(page.contains(task))
        }
        #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"))
        #expect(!page.contains("url(") && !page.contains("src="))
        #expect(!page.contains("nan"))
    }

    @Test func `what comes from outside is escaped`() throws {
        let page = ReportPage.html(Self.report(file: #"<b>"a"&'b'</b>"# + "\u{1}"))
        #expect(page.contains("&lt;b&gt;&quot;a&quot;&amp;&#39;b&#39;&lt;/b&gt;\u{FFFD}"))
        #expect(Drawings(in: page) != nil)
    }

    @Test func `the same items give the same page`() {
        #expect(ReportPage.html(Self.report()) == ReportPage.html(Self.report()))
    }

    @Test(arguments: [true, false])
    func `items that were not answered, or only degraded, have a cost and no saving`(isDegraded: Bool) throws {
        let whole = Self.requests(8)
        let less = whole.map { request in
            request.map { item in
                var item = item
                if isDegraded { item.isDegraded = true } else { item.suite = nil }
                return item
            }
        }
        let figures = try #require(Self.report(whole + less).policies.figures[.suite])
        let spent = try #require(Self.report(whole).policies.figures[.suite]).saved.value
        // The same amount was spent again, and nothing more was saved: 1 - 2 (1 - s).
        #expect(abs(figures.saved.value - (2 * spent - 1)) < 1e-12)
        #expect(try #require(Self.report(less).policies.figures[.suite]).saved.value.isNaN)
    }

    @Test func `items without an answer are wrong, and said to be`() {
        var requests = Self.requests()
        requests[0] = requests[0].map { item in
            var item = item
            item.suite = nil
            item.isEscalated = false
            return item
        }
        let report = Self.report(requests)
        #expect(report.overall.unanswered == 8)
        #expect(ReportPage.html(report).contains("8 items had no answer in time"))
    }

    @Test func `programs read the same figures`() throws {
        try JSONDocument.read(Self.report().json) { root in
            #expect(
                root["tasks"]?.map { $0["task"]?.string } == [
                    "legal-services/clause-type", "legal-services/unfair-term",
                ])
            #expect(root["overall"]?["items"]?.integer == 300)
            #expect(root["policies"]?.map { $0["policy"]?.string } == Policy.allCases.map(\.rawValue))
        }
    }

    @Test(arguments: [
        (0.0, "0"), (1234.56, "1235"), (12.3456, "12.35"), (0.0123456, "0.01235"), (0.00001234, "0.00001234"),
    ])
    func `money has four digits`(amount: Double, text: String) {
        #expect(Markup.dollars(amount) == text)
    }
}

/// The SVGs of a page, read by an XML parser. (`XMLDocument` never frees its XPath results.)
private final class Drawings: NSObject, XMLParserDelegate {
    /// The number of titles in each.
    private(set) var titles: [Int] = []
    private var open: [String] = []

    /// - Returns: `nil` if the page is not well-formed.
    init?(in page: String) {
        super.init()
        let parser = XMLParser(data: Data(page.dropFirst("<!DOCTYPE html>\n".count).utf8))
        parser.delegate = self
        guard parser.parse() else { return nil }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        if name == "svg" { titles.append(0) }
        if name == "title", open.last == "svg" { titles[titles.count - 1] += 1 }
        open.append(name)
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        open.removeLast()
    }
}
