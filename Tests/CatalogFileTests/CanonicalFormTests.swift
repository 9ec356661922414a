import CatalogFile
import Contracts
import Testing

@Suite struct CanonicalFormTests {
    private static let form =
        #"{"name":"invoices","title":"Invoices","description":"Reads invoices.","tasks":[{"name":"kind","#
        + #""title":"Kind","description":"Says the kind.","unit":"document","output":{"kind":"label","#
        + #""labels":[{"name":"invoice","description":"Asks."},{"name":"other","description":"Rest."}]},"#
        + #""comparator":"exact","models":{"small":"a","full":"full"}}]}"#

    @Test func `the canonical form is compact, ordered and without defaults`() throws {
        let text = """
            {
              "$schema": "../schema.json",
              "tasks": [{
                "longText": {"rule": "mean"}, "routedByAnyWindow": false,
                "models": {"full": "full", "small": "a"},
                "comparator": "exact",
                "output": {"labels": [{"description": "Asks.", "name": "invo\\u0069ce"},
                                      {"name": "other", "description": "Rest."}], "kind": "label"},
                "unit": "document", "description": "Says the kind.", "title": "Kind", "name": "kind"
              }],
              "description": "Reads invoices.", "title": "Invoices", "name": "invoices"
            }
            """
        let capability = try CatalogFile.read(bytes: Array(text.utf8), file: "a")
        #expect(String(decoding: CatalogFile.write(capability), as: UTF8.self) == Self.form)
    }

    @Test func `a fingerprint is the SHA-256 of the canonical form`() throws {
        let capability = try CatalogFile.read(bytes: Array(Self.form.utf8), file: "a")
        #expect(
            CatalogFile.fingerprint(capability) == "43403efaa8e18af608f099982ed127f0e6896f296414fa3ba8d71297f2f0d84f")
        #expect(
            CatalogFile.fingerprint(Catalog([capability]))
                == "c0135914f1ae1f314ea8d4c152faf37cad20da7621d0802bd8fd52e377a84c0a")
    }

    @Test func `every member that is not a default is in the canonical form`() throws {
        let task = TaskDescription(
            name: "b", title: "B", description: "Says b.", unit: .value,
            output: .label([
                LabelDescription(name: "x", description: "X."), LabelDescription(name: "y", description: "Y."),
            ]),
            comparator: .tieShare, models: TaskModels(small: "s", middle: "m", full: "endpoint:f"),
            windowRule: .anyFinding(clean: "x"), isRoutedByAnyWindow: true,
            routing: TaskRouting(
                examples: (0..<20).map { "Example “\($0)”" },
                head: RouteHead(
                    router: "0123456789abcdef", examples: 20, temperature: 0.1, threshold: 0.95,
                    weights: [0.1, -3e-38, .pi, 1e30], bias: -0.7)), pool: "canary")
        var beginning = task
        beginning.name = "c"
        beginning.windowRule = .beginning
        let answer = TaskDescription(
            name: "d", title: "D", description: "Says d.", unit: .document,
            output: .json(schema: #"{"type":"object","b":[1,2.5,null,true],"a":{}}"#), comparator: .json,
            models: TaskModels(full: "full"))
        let capability = CapabilityDescription(
            name: Capability(rawValue: "a"), title: "A", description: "Is \"a\".", languages: ["en", "nds"],
            fullLanguages: ["*"], tasks: [task, beginning, answer])
        #expect(try CatalogFile.read(bytes: CatalogFile.write(capability), file: "a") == capability)
    }

    @Test(arguments: 1...9)
    func `numbers come back bit by bit`(count: Int) throws {
        let form = try CatalogFile.read(bytes: Array(Self.form.utf8), file: "a")
        var capability = form
        let weights = (0..<count).map { Float($0) / 3 - 1 }
        capability.tasks[0].routing = TaskRouting(
            examples: (0..<20).map { "\($0)" },
            head: RouteHead(
                router: "0123456789abcdef", examples: 20, temperature: 1, threshold: 0.5, weights: weights, bias: .pi))
        #expect(try CatalogFile.read(bytes: CatalogFile.write(capability), file: "a") == capability)
    }

    @Test func `the form for people is read as the same, and keeps the schema for editors`() throws {
        for example in Example.all(in: "valid") {
            let capability = try CatalogFile.read(file: example.path)
            let text = CatalogFile.writeReadable(capability, schema: "../schema.json")
            #expect(try CatalogFile.read(bytes: text, file: "a") == capability)
            #expect(
                String(decoding: text, as: UTF8.self).hasPrefix("{\n  \"$schema\": \"../schema.json\",\n  \"name\": "))
        }
        let form = try CatalogFile.read(bytes: Array(Self.form.utf8), file: "a")
        #expect(
            String(decoding: CatalogFile.writeReadable(form), as: UTF8.self).hasPrefix("{\n  \"name\": \"invoices\",\n")
        )
    }

    @Test func `the order of capabilities does not matter, that of tasks and labels does`() throws {
        let one = try CatalogFile.read(bytes: Array(Self.form.utf8), file: "a")
        var other = one
        other.name = Capability(rawValue: "bills")
        #expect(CatalogFile.write(Catalog([one, other])) == CatalogFile.write(Catalog([other, one])))
        var reversed = one
        reversed.tasks[0].output = .label([
            LabelDescription(name: "other", description: "Rest."),
            LabelDescription(name: "invoice", description: "Asks."),
        ])
        #expect(CatalogFile.fingerprint(reversed) != CatalogFile.fingerprint(one))
    }

    @Test func `a catalog that names a capability twice is refused`() throws {
        let text = "{\"capabilities\":[\(Self.form),\(Self.form)]}"
        #expect(
            faults { try CatalogFile.read(catalog: Array(text.utf8), file: "a") }
                == ["a: capabilities[1].name: is the same as capabilities[0].name"])
    }

    @Test func `a catalog with a faulty capability says which`() throws {
        let text = "{\"capabilities\":[\(Self.form),{}]}"
        #expect(
            faults { try CatalogFile.read(catalog: Array(text.utf8), file: "a") }.first
                == "a: capabilities[1].name: is missing")
    }
}

/// Returns the faults with which `body` refuses a catalog, one on a line.
func faults(_ body: () throws -> some Any) -> [String] {
    do {
        _ = try body()
        return []
    } catch let error as CatalogFileError {
        return error.faults.map(\.description)
    } catch {
        return ["another error"]
    }
}
