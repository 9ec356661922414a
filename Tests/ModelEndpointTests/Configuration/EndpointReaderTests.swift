import Contracts
import Foundation
import JSON
import Models
import Testing

@testable import ModelEndpoint

@Suite struct EndpointReaderTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Every key that there is.
    private static let complete = """
        {
            "$schema": "schema.json", "baseURL": "https://model.example/v1/", "model": "m-1", "keyFile": "keys/m",
            "keyHeader": "api-key", "headers": {"X-Title": "winnow"}, "caFile": "/etc/ca.pem",
            "proxy": "http://proxy:3128",
            "timeouts": {"connectSeconds": 1, "firstByteSeconds": 2, "bodySeconds": 3, "wholeSeconds": 4.5},
            "retries": {
                "most": 5, "firstDelaySeconds": 0.25, "longestDelaySeconds": 6, "longestRetryAfterSeconds": 7},
            "maxInFlight": 8, "requestsPerMinute": 9, "tokensPerMinute": 10,
            "breaker": {"consecutiveFailures": 11, "failureRatio": 0.12, "window": 13, "openSeconds": 14},
            "fallbacks": ["other"], "prompts": {"system": "{task}: {format}", "input": "<{input}>"},
            "prices": [{"from": "2026-01-01T00:00:00Z", "input": "2.50", "cachedInput": "1.25", "output": "10"}],
            "itemsPerCall": 15, "samples": 16, "sampleTemperature": 0.7, "topLogprobs": 17, "asksConfidence": true,
            "maxTokensField": "max_completion_tokens"
        }
        """

    private func read(_ text: String) throws -> EndpointConfiguration {
        try EndpointReader.read(Array(text.utf8), name: "m", file: "/conf/m.json")
    }

    /// Each fault as `path message`.
    private func faults(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch {
            return (error as? EndpointConfigurationErrors)?.errors.map { "\($0.path) \($0.message)" } ?? [
                "another error"
            ]
        }
    }

    @Test func `every key is read`() throws {
        let read = try read(Self.complete)
        #expect(read.url == "https://model.example/v1/chat/completions")
        #expect(read.model == "m-1")
        #expect(read.key == APIKey(file: "/conf/keys/m", field: "api-key"))
        #expect(read.extraFields == [HTTPRequest.Field(name: "X-Title", value: "winnow")])
        #expect(read.certificates == "/etc/ca.pem")
        #expect(read.proxy == "http://proxy:3128")
        #expect(
            read.timeouts
                == HTTPRequest.Timeouts(
                    connect: .seconds(1), firstByte: .seconds(2), body: .seconds(3), whole: .seconds(4.5)))
        #expect(
            read.retries
                == RetrySchedule(
                    most: 5, firstDelay: .milliseconds(250), longestDelay: .seconds(6), longestRetryAfter: .seconds(7)))
        #expect(
            read.gate
                == EndpointGate.Settings(
                    maxInFlight: 8, requestsPerMinute: 9, tokensPerMinute: 10,
                    breaker: CircuitBreaker.Settings(
                        consecutiveFailures: 11, failureRatio: 0.12, window: 13, openTime: .seconds(14))))
        #expect(read.fallbacks == ["other"])
        #expect(read.systemPrompt == PromptTemplate("{task}: {format}"))
        #expect(read.inputPrompt == PromptTemplate("<{input}>"))
        #expect((read.itemsPerCall, read.samples, read.sampleTemperature) == (15, 16, 0.7))
        #expect(read.topLogprobs == 17)
        #expect(read.asksConfidence)
        #expect(read.maxTokensField == .maxCompletionTokens)
        let usage = ModelUsage(inputTokens: 3, cachedInputTokens: 1, outputTokens: 1)
        // Micro-dollars for a token are USD for a million.
        #expect(read.prices.settlement(of: usage, at: .last) == PicoDollars(2 * 2_500_000 + 1_250_000 + 10_000_000))
    }

    @Test func `the schema knows the same keys, and the same bounds`() throws {
        let schema = try String(contentsOf: Self.root.appending(path: "infra/endpoints/schema.json"), encoding: .utf8)
        func keys(_ value: JSONValue, _ member: StaticString?, at path: String) -> Set<String> {
            var found: Set<String> = []
            (member.flatMap { value[$0] } ?? value).forEachMember { name, value in
                found.insert(path + name)
                // Free names are not keys, and prices are an array of objects.
                guard name != "headers" else { return }
                let nested = member == nil ? value.map { $0 }?.first ?? value : value["items"] ?? value
                found.formUnion(keys(nested, member, at: path + name + "."))
            }
            return member != nil && value["properties"] == nil ? [] : found
        }
        let described = try JSONDocument.read(schema.utf8) { keys($0, "properties", at: "") }
        let given = try JSONDocument.read(Self.complete.utf8) { keys($0, nil, at: "") }
        #expect(described == given)
        #expect(described.contains("prices.cachedInput"))
        #expect(described.contains("breaker.openSeconds"))
    }

    @Test func `two keys are enough, and the example can be read`() throws {
        let read = try read(#"{"baseURL": "http://127.0.0.1:8000/v1", "model": "m"}"#)
        #expect(read == EndpointConfiguration(name: "m", baseURL: "http://127.0.0.1:8000/v1", model: "m"))
        let example = try EndpointFolder(Self.root.appending(path: "infra/endpoints").path)
            .endpoints(named: ["example"])
        #expect(example.map(\.name) == ["example"])
        #expect(!example[0].file.contains("$schema"))
        let configuration = try self.read(example[0].file)
        #expect(configuration.timeouts == HTTPRequest.Timeouts())
        #expect(configuration.retries == RetrySchedule())
        #expect(configuration.gate.breaker == CircuitBreaker.Settings())
        #expect(configuration.version == example[0].version)
    }

    @Test(arguments: [
        (#""model": 7"#, "model must be a text that is not empty"),
        (#""model": """#, "model must be a text that is not empty"),
        (#""baseURL": "ftp://a/v1""#, "baseURL must be an http or https URL"),
        (#""baseURL": "a""#, "baseURL must be an http or https URL"),
        (#""baseURL": "http://""#, "baseURL must be an http or https URL"),
        (#""baseURL": "http://a b/v1""#, "baseURL must be an http or https URL"),
        (
            #""baseURL": "https://key@a/v1""#,
            "baseURL must have no user, query or fragment: a key belongs in keyFile"
        ),
        (
            #""baseURL": "https://a/v1?key=k""#,
            "baseURL must have no user, query or fragment: a key belongs in keyFile"
        ),
        (#""proxy": "socks5://a""#, "proxy must be an http or https URL, without a user"),
        (#""proxy": "http://user:password@a""#, "proxy must be an http or https URL, without a user"),
        (#""unknown": 1"#, "unknown is not known"), (#""Model": "a""#, "Model is not known"),
        (#""timeouts": {"connect": 1}"#, "timeouts.connect is not known"),
        (#""timeouts": 5"#, "timeouts must be an object"),
        (
            #""timeouts": {"connectSeconds": 0}"#, "timeouts.connectSeconds must be a number from 0.01 to 300.0"
        ),
        (
            #""timeouts": {"wholeSeconds": 1, "bodySeconds": 2}"#,
            "timeouts.wholeSeconds must not be shorter than the others"
        ),
        (#""maxInFlight": 0"#, "maxInFlight must be a whole number from 1 to 1000"),
        (#""maxInFlight": 1.5"#, "maxInFlight must be a whole number from 1 to 1000"),
        (#""retries": {"most": "3"}"#, "retries.most must be a whole number from 0 to 20"),
        (#""breaker": {"failureRatio": 2}"#, "breaker.failureRatio must be a number from 0.01 to 1.0"),
        (#""fallbacks": "a""#, "fallbacks must be an array of texts that are not empty"),
        (#""fallbacks": [1]"#, "fallbacks must be an array of texts that are not empty"),
        (#""headers": {"A": 1}"#, "headers.A must be a text"),
        (#""headers": {"A": "a\r\nB: b"}"#, "headers.A must be printable ASCII, and not empty"),
        (#""headers": {"A B": "a"}"#, "headers has a name that is no name of a header"),
        (#""headers": {"host": "a"}"#, "headers.host is set by the client itself"),
        (#""headers": {"authorization": "a"}"#, "headers.authorization must not hold a key: name its file in keyFile"),
        (#""keyHeader": "X-Key""#, "keyHeader needs keyFile"),
        (#""prompts": {"system": "Hello"}"#, "prompts.system must contain {format} once, and no {input}"),
        (#""prompts": {"system": "{format}{format}"}"#, "prompts.system must contain {format} once, and no {input}"),
        (#""prompts": {"input": "{input} {format}"}"#, "prompts.input must contain {input} once, and no {format}"),
        (#""prices": {}"#, "prices must be an array"),
        (#""prices": [{"from": "2026", "input": "1", "output": "1"}]"#, "prices[0].from must be an RFC 3339 time"),
        (#""prices": [{"from": "2026-01-01T00:00:00Z", "input": "1"}]"#, "prices[0].output is missing"),
        (
            #""prices": [{"from": "2026-01-01T00:00:00Z", "input": "-1", "output": "1"}]"#,
            "prices[0].input must be USD per million tokens in decimals, as a text, up to 1000000"
        ),
        (#""maxTokensField": "tokens""#, #"maxTokensField must be "max_tokens" or "max_completion_tokens""#),
        (#""samples": 33"#, "samples must be a whole number from 1 to 32"),
        (#""asksConfidence": 1"#, "asksConfidence must be true or false"),
    ])
    func `each fault has one clear error`(member: String, expected: String) {
        let others = [("baseURL", #""baseURL": "http://a/v1""#), ("model", #""model": "m""#)]
        let rest = others.filter { !member.hasPrefix("\"\($0.0)\"") }.map(\.1)
        #expect(faults("{\((rest + [member]).joined(separator: ", "))}") == [expected])
    }

    @Test func `all faults of a file are reported together`() {
        let found = faults(#"{"model": "a", "model": "b", "samples": 0, "x": 1}"#)
        #expect(
            found == [
                "baseURL is missing", "samples must be a whole number from 1 to 32", "model is given twice",
                "x is not known",
            ])
        #expect(faults("{").count == 1)
        #expect(faults("[]").first == " must be an object")
    }

    @Test func `a short limit of the whole shortens the others`() throws {
        let read = try read(#"{"baseURL": "http://a/v1", "model": "m", "timeouts": {"wholeSeconds": 10}}"#)
        #expect(
            read.timeouts
                == HTTPRequest.Timeouts(
                    connect: .seconds(5), firstByte: .seconds(10), body: .seconds(10), whole: .seconds(10)))
    }

    @Test func `the version changes with what can change an answer, and with nothing else`() throws {
        let before = try read(Self.complete)
        var other = before
        other.gate.maxInFlight = 99
        other.prices = EndpointPrices()
        #expect(other.version == before.version)
        other.inputPrompt = PromptTemplate("{input}!")
        #expect(other.version != before.version)
        #expect(before.version.count == 12)
    }
}

@Suite struct EndpointFolderTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "winnow-endpoints-\(UUID())").path

    private func write(_ files: [String: String]) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, text) in files { try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8) }
    }

    @Test func `only what is named is read, with what it falls back to`() throws {
        try write([
            "a.json": #"{"baseURL": "http://a/v1", "model": "m", "fallbacks": ["b"]}"#,
            "b.json": #"{"baseURL": "http://b/v1", "model": "m", "fallbacks": ["a"]}"#, "c.json": "no endpoint",
        ])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try EndpointFolder(folder).endpoints(named: ["a"]).map(\.name) == ["a", "b"])
        #expect(try EndpointFolder(folder).endpoints(named: []).isEmpty)
    }

    @Test func `a fallback must be another endpoint of the folder, and every fault is found`() throws {
        try write([
            "a.json": #"{"baseURL": "http://a/v1", "model": "m", "fallbacks": ["b", "a", "c"]}"#,
            "b.json": #"{"baseURL": "http://b/v1"}"#,
        ])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let error = #expect(throws: EndpointConfigurationErrors.self) {
            try EndpointFolder(folder).endpoints(named: ["a"])
        }
        #expect(
            error?.description == """
                \(folder)/a.json: fallbacks must name other endpoints than this one
                \(folder)/b.json: model is missing
                \(folder)/c.json: No such file or directory
                """)
    }
}
