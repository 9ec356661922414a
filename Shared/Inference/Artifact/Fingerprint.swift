import Contracts
import Crypto

/// What a model's answers depend on, route by route.
///
/// A certificate holds for one route of a model, and not for its file. So the version of a model on a route is a hash
/// of everything that can change an answer there, and of nothing else: a head that is added or made anew changes no
/// answer of the other routes, and voids none of their certificates.
/// - Source: infra/models/README.md, Fingerprints; decision 51
struct Fingerprints: Sendable {
    /// The line of each tensor, by its name: its type, its shape and the SHA-256 of its bytes.
    private let tensors: [String: String]
    private let shape: ModelCard.Encoder
    /// `nil` for a model that reads only texts.
    private let reading: ModelCard.Reading?

    init(_ tensors: borrowing TensorReader, _ card: ModelCard, _ shape: ModelCard.Encoder) {
        self.tensors = tensors.digests()
        self.shape = shape
        reading = card.reading
    }

    /// The state that a head reads: the tokenizer, the shape, the layers up to the head, and marks and windows if the head
    /// reads items in requests.
    func state(of head: ModelCard.Head) -> String { Self.short(stateDigest(of: head)) }

    /// Everything that an answer of the head depends on.
    ///
    /// - Parameter isRouter: whether the card's own threshold decides. Elsewhere a certificate does.
    func version(of head: ModelCard.Head, isRouter: Bool) -> String {
        var lines = ["winnow-head 1", "state \(stateDigest(of: head))"]
        switch head.kind {
        case .singleLabel(let gate):
            lines.append("single-label")
            if let gate {
                let numbers = [gate.temperature, gate.threshold, gate.scale].map(Self.bits).joined(separator: " ")
                lines.append("gate \(numbers) \(Self.counted(gate.label))")
            }
        case .multiLabel(let thresholds):
            lines.append("multi-label \(thresholds.map(Self.bits).joined(separator: " "))")
        }
        lines += head.labels.map { "label \(Self.counted($0))" }
        lines.append("temperature \(Self.bits(head.temperature))")
        lines += head.exits.map { "exit \($0.layers) \(Self.bits($0.from))" }
        if isRouter {
            lines.append("sure \(head.acceptThreshold.map(Self.bits) ?? "never")")
            lines += head.noRouteThreshold.map { ["none \(Self.bits($0))"] } ?? []
        }
        switch head.windowRule {
        case _ where reading(of: head) != nil:
            lines += (reading?.sureFrom).map { ["items \(Self.bits($0))"] } ?? []
            lines += self.lines(of: ["tags."])
        case .anyFinding(let clean): lines.append("windows anyFinding \(Self.counted(clean))")
        case .mean: lines.append("windows mean")
        case .beginning: lines.append("windows beginning")
        case .beginningAnd(let findings):
            // A task that the head does not know changes none of its answers.
            let known = head.labels.filter(findings.contains).map(Self.counted)
            lines.append("windows beginningAnd \(known.joined(separator: " "))")
        }
        let points = ["heads.\(head.route)."] + head.exits.map { "exits.\($0.layers).\(head.route)." }
        lines += self.lines(of: points)
        // A line of its own, so that models without guards keep their versions.
        if head.hasGuard { lines += ["guard"] + self.lines(of: points.map { "guards.\($0)" }) }
        return Self.short(Self.digest(lines))
    }

    private func stateDigest(of head: ModelCard.Head) -> String {
        let sizes = [
            shape.hiddenSize, shape.headCount, shape.headSize, shape.feedForwardSize, head.layers, head.maxTokens,
        ]
        let first = [
            "winnow-encoder 1", "sizes \(sizes.map(String.init).joined(separator: " "))",
            "epsilon \(Self.bits(shape.layerNormEpsilon))",
        ]
        let reading = reading(of: head)
        let windows = reading.map { ["reading \($0.window) \($0.stride) \($0.context)"] } ?? []
        let embeddings = ["word", "position", "norm"] + (reading == nil ? [] : ["mark"])
        let layers = (0..<head.layers).map { "layers.\($0)." }
        return Self.digest(
            first + windows + lines(of: ["tokenizer."] + embeddings.map { "embeddings.\($0)." } + layers))
    }

    /// - Returns: `nil` for a head that reads texts, without marks.
    private func reading(of head: ModelCard.Head) -> ModelCard.Reading? {
        head.route == .decomposition ? reading : nil
    }

    /// The lines of all tensors whose names begin so, ordered by name.
    private func lines(of prefixes: [String]) -> [String] {
        let names = tensors.keys.filter { name in prefixes.contains { name.utf8.starts(with: $0.utf8) } }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.compactMap { tensors[$0] }
    }

    private static func digest(_ lines: [String]) -> String {
        Array(lines.joined(separator: "\n").utf8).withUnsafeBytes { SHA256.hex($0) }
    }

    /// 16 hexadecimal digits, short enough to read.
    private static func short(_ digest: String) -> String { String(digest.prefix(16)) }

    /// The bits of a number, because two programs may write its digits differently.
    private static func bits(_ number: Double) -> String {
        let digits = String(number.bitPattern, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A text with its length, so that no text can look like two.
    private static func counted(_ text: String) -> String { "\(text.utf8.count) \(text)" }
}

/// A model's name and its version on each route, computed from its files without keeping its tensors.
public struct RouteIdentities: Sendable {
    public let card: ModelCard
    private let fingerprints: Fingerprints

    /// - Parameter catalog: says how each task combines the windows of a long text.
    /// - Throws: `ArtifactError` if the files do not belong together.
    public init(directory: String, catalog: Catalog) throws(ArtifactError) {
        let card = try ModelCard.load(directory: directory).ruled(by: catalog)
        self.card = card
        fingerprints = Fingerprints(
            try TensorReader(card, directory: directory, format: "winnow-encoder"), card, card.encoder)
    }

    /// - Returns: `nil` for a route that the model does not answer.
    public func identity(of route: Route) -> ModelIdentity? {
        card.head(route).map { card.identity(of: $0, fingerprints) }
    }

    /// The fingerprint of the state that the head of a route reads.
    public func state(of route: Route) -> String? { card.head(route).map { fingerprints.state(of: $0) } }
}

extension ModelCard {
    func identity(of head: Head, _ fingerprints: Fingerprints) -> ModelIdentity {
        ModelIdentity(name: name, version: fingerprints.version(of: head, isRouter: role == .router))
    }

    /// The card, whose heads follow the catalog's rules for long texts.
    func ruled(by catalog: Catalog) -> ModelCard {
        var card = self
        for index in card.heads.indices {
            card.heads[index].windowRule = catalog.windowRule(of: card.heads[index].route)
        }
        return card
    }
}
