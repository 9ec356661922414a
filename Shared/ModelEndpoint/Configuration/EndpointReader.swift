import CCurl
import Contracts
import JSON

/// Reads the file of an endpoint strictly. `infra/endpoints/schema.json` describes the same for editors.
enum EndpointReader {
    /// - Units: bytes.
    static let mostBytes = 256 << 10

    /// - Parameters:
    ///   - file: its path, for errors, and for the paths in it, which are relative to its folder.
    /// - Throws: `EndpointConfigurationErrors`
    static func read(
        _ bytes: [UInt8], name: String, file: String
    ) throws(EndpointConfigurationErrors) -> EndpointConfiguration {
        func errors(_ faults: [StrictObject.Fault]) -> EndpointConfigurationErrors {
            EndpointConfigurationErrors(
                errors: faults.map { EndpointConfigurationError(file: file, path: $0.path, message: $0.message) })
        }
        let (configuration, faults): (EndpointConfiguration, [StrictObject.Fault])
        do {
            let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
            (configuration, faults) = try JSONDocument.read(bytes) { root in
                StrictObject.read(root) { Self.configuration(&$0, name: name, folder: folder) }
            }
        } catch let error as JSONError {
            throw errors([StrictObject.Fault(path: "", message: error.message)])
        } catch {
            throw errors([StrictObject.Fault(path: "", message: "cannot be read")])
        }
        guard faults.isEmpty else { throw errors(faults) }
        return configuration
    }

    private static func configuration(
        _ object: inout StrictObject, name: String, folder: String
    ) -> EndpointConfiguration {
        var read = EndpointConfiguration(name: name, baseURL: "", model: "")
        // Editors use this.
        _ = object.text("$schema")
        read.baseURL = url(&object)
        read.model = object.requiredText("model")
        read.key = key(&object, folder: folder)
        read.extraFields = headers(&object, key: read.key)
        read.certificates = object.text("caFile").map { path($0, folder) }
        read.proxy = object.text("proxy")
        if let proxy = read.proxy, !isURL(proxy) || proxy.contains("@") {
            object.fault("proxy", "must be an http or https URL, without a user")
        }
        read.timeouts = object.object("timeouts", timeouts) ?? read.timeouts
        read.retries = object.object("retries", retries) ?? read.retries
        read.gate = gate(&object)
        read.fallbacks = object.texts("fallbacks") ?? []
        object.object("prompts") { prompts in
            read.systemPrompt = prompt("system", &prompts, must: .format) ?? read.systemPrompt
            read.inputPrompt = prompt("input", &prompts, must: .input) ?? read.inputPrompt
        }
        read.prices = EndpointPrices(object.objects("prices", price) ?? [])
        read.itemsPerCall = object.integer("itemsPerCall", in: 1...Limits.itemsPerStep) ?? read.itemsPerCall
        read.samples = object.integer("samples", in: 1...32) ?? read.samples
        read.sampleTemperature = object.number("sampleTemperature", in: 0.01...2) ?? read.sampleTemperature
        read.topLogprobs = object.integer("topLogprobs", in: 0...20) ?? read.topLogprobs
        read.asksConfidence = object.bool("asksConfidence") ?? read.asksConfidence
        if let field = object.text("maxTokensField") {
            if let known = EndpointConfiguration.MaxTokensField(rawValue: field) {
                read.maxTokensField = known
            } else {
                object.fault("maxTokensField", "must be \"max_tokens\" or \"max_completion_tokens\"")
            }
        }
        return read
    }

    private static func url(_ object: inout StrictObject) -> String {
        var url = object.requiredText("baseURL")
        while url.hasSuffix("/") { url.removeLast() }
        guard !url.isEmpty else { return url }
        if !isURL(url) {
            object.fault("baseURL", "must be an http or https URL")
        } else if url.contains(where: { "@?#".contains($0) }) {
            object.fault("baseURL", "must have no user, query or fragment: a key belongs in keyFile")
        }
        return url
    }

    private static func isURL(_ text: String) -> Bool {
        guard text.hasPrefix("http://") || text.hasPrefix("https://"), let url = curl_url() else { return false }
        defer { curl_url_cleanup(url) }
        return curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func key(_ object: inout StrictObject, folder: String) -> APIKey? {
        let field = object.text("keyHeader")
        if let field, !isFieldName(field) { object.fault("keyHeader", "must be the name of a header") }
        guard let file = object.text("keyFile") else {
            if field != nil { object.fault("keyHeader", "needs keyFile") }
            return nil
        }
        return APIKey(file: path(file, folder), field: field ?? "Authorization")
    }

    /// The fields that the client sets itself.
    private static let ownFields: Set = [
        "accept", "accept-encoding", "connection", "content-length", "content-type", "expect", "host",
        "transfer-encoding", "user-agent",
    ]

    private static func headers(_ object: inout StrictObject, key: APIKey?) -> [HTTPRequest.Field] {
        (object.pairs("headers") ?? []).map { name, value in
            if !isFieldName(name) {
                object.fault("headers", "has a name that is no name of a header")
            } else if ownFields.contains(name.lowercased()) || name.lowercased() == key?.field.lowercased() {
                object.fault("headers.\(name)", "is set by the client itself")
            } else if name.lowercased() == "authorization" {
                object.fault("headers.\(name)", "must not hold a key: name its file in keyFile")
            }
            // A line break would begin another header.
            if value.isEmpty || !value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
                object.fault("headers.\(name)", "must be printable ASCII, and not empty")
            }
            return HTTPRequest.Field(name: name, value: value)
        }
    }

    private static func isFieldName(_ text: String) -> Bool {
        let others = Array("!#$%&'*+-.^_`|~".utf8)
        return !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: others.contains(byte)
                }
            }
    }

    private static func path(_ path: String, _ folder: String) -> String { path.hasPrefix("/") ? path : folder + path }

    private static func timeouts(_ object: inout StrictObject) -> HTTPRequest.Timeouts {
        var read = HTTPRequest.Timeouts()
        read.whole = object.duration("wholeSeconds", in: 0.01...3600) ?? read.whole
        // A short limit of the whole shortens the others, unless they are given too.
        read.connect = object.duration("connectSeconds", in: 0.01...300) ?? min(read.connect, read.whole)
        read.firstByte = object.duration("firstByteSeconds", in: 0.01...3600) ?? min(read.firstByte, read.whole)
        read.body = object.duration("bodySeconds", in: 0.01...3600) ?? min(read.body, read.whole)
        if read.whole < max(read.connect, read.firstByte, read.body) {
            object.fault("wholeSeconds", "must not be shorter than the others")
        }
        return read
    }

    private static func retries(_ object: inout StrictObject) -> RetrySchedule {
        var read = RetrySchedule()
        read.most = object.integer("most", in: 0...20) ?? read.most
        read.firstDelay = object.duration("firstDelaySeconds", in: 0.01...60) ?? read.firstDelay
        read.longestDelay = object.duration("longestDelaySeconds", in: 0.01...600) ?? read.longestDelay
        read.longestRetryAfter = object.duration("longestRetryAfterSeconds", in: 0...3600) ?? read.longestRetryAfter
        return read
    }

    private static func gate(_ object: inout StrictObject) -> EndpointGate.Settings {
        var read = EndpointGate.Settings()
        read.maxInFlight = object.integer("maxInFlight", in: 1...1000) ?? read.maxInFlight
        read.requestsPerMinute = object.integer("requestsPerMinute", in: 1...10_000_000)
        read.tokensPerMinute = object.integer("tokensPerMinute", in: 1...Limits.tokensPerCall)
        read.breaker =
            object.object("breaker") { object in
                var read = CircuitBreaker.Settings()
                read.consecutiveFailures =
                    object.integer("consecutiveFailures", in: 1...1000) ?? read.consecutiveFailures
                read.failureRatio = object.number("failureRatio", in: 0.01...1) ?? read.failureRatio
                read.window = object.integer("window", in: 1...10_000) ?? read.window
                read.openTime = object.duration("openSeconds", in: 0.01...3600) ?? read.openTime
                return read
            } ?? read.breaker
        return read
    }

    private static func prompt(
        _ name: StaticString, _ object: inout StrictObject, must placeholder: PromptTemplate.Placeholder
    ) -> PromptTemplate? {
        guard let template = object.text(name).map(PromptTemplate.init) else { return nil }
        let others: [PromptTemplate.Placeholder] = placeholder == .input ? [.format] : [.input]
        if template.count(of: placeholder) != 1 || others.contains(where: { template.count(of: $0) > 0 }) {
            object.fault(
                name.description,
                "must contain {\(placeholder.rawValue)} once, and no {\(others.map(\.rawValue).joined())}")
        }
        return template
    }

    private static func price(_ object: inout StrictObject) -> EndpointPrice {
        func price(_ name: StaticString, isRequired: Bool) -> PicoDollars? {
            guard let text = isRequired ? object.requiredText(name) : object.text(name), !text.isEmpty else {
                return nil
            }
            // USD for a million tokens.
            guard let price = PicoDollars(decimal: text, decimals: 6), price.amount <= Limits.tokenPrice else {
                object.fault(name.description, "must be USD per million tokens in decimals, as a text, up to 1000000")
                return nil
            }
            return price
        }
        let from = Timestamp(rfc3339: object.requiredText("from"))
        if from == nil { object.fault("from", "must be an RFC 3339 time") }
        let input = price("input", isRequired: true) ?? .zero
        return EndpointPrice(
            from: from ?? .last, input: input, cachedInput: price("cachedInput", isRequired: false) ?? input,
            output: price("output", isRequired: true) ?? .zero)
    }
}
