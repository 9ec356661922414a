import JSON

extension Certificate {
    /// - Shape: `{"id", "capability", "task", "small", "full", "alpha", "delta", "equalFrom", "temperature", "threshold",
    ///   "sureFrom", "fitted", "items", "accepted", "disagreements", "bound", "escalationRate": {"value", "low", "high"},
    ///   "saving": {…}, "accuracyLoss"?: {"lost", "gained", "bound"}, "data": {"file", "sha256"}, "certifiedAt", "note"?}`
    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1024)
        write(to: &writer)
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws { self = try Contract.read(bytes) { try Certificate(json: $0) } }

    func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("id", id.description)
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.member("small", smallModel)
            body.member("full", fullModel)
            body.member("alpha", alpha)
            body.member("delta", delta)
            body.member("equalFrom", equalFrom)
            body.member("temperature", temperature)
            body.member("threshold", threshold)
            body.member("sureFrom", sureFrom)
            body.member("fitted", fitted)
            body.member("items", items)
            body.member("accepted", accepted)
            body.member("disagreements", disagreements)
            body.member("bound", bound)
            body.member("escalationRate", escalationRate)
            body.member("saving", saving)
            body.optional("accuracyLoss", accuracyLoss) { writer, loss in
                writer.object { body in
                    body.member("lost", loss.lost)
                    body.member("gained", loss.gained)
                    body.member("bound", loss.bound)
                }
            }
            body.name("data")
            body.object { data in
                data.member("file", source.file)
                data.member("sha256", source.sha256)
            }
            body.member("certifiedAt", certifiedAt.rfc3339)
            body.member("note", note)
        }
    }

    init(json body: JSONValue) throws {
        guard let id = ID(try body.required("id")) else {
            throw ContractError(.wrongType, "id is no certificate's id")
        }
        guard let certifiedAt = Timestamp(rfc3339: try body.required("certifiedAt")) else {
            throw ContractError(.wrongType, "certifiedAt must be an RFC 3339 time")
        }
        guard let data = body["data"] else { throw ContractError(.missingField, "data is missing") }
        self.init(
            id: id, route: try Contract.route(body), smallModel: try body.required("small"),
            fullModel: try body.required("full"), alpha: try body.share("alpha"), delta: try body.share("delta"),
            equalFrom: try body.equalFrom(),
            temperature: try body.requiredNumber("temperature"), threshold: try body.share("threshold"),
            sureFrom: try body.share("sureFrom"), fitted: try body.requiredInteger("fitted"),
            items: try body.requiredInteger("items"), accepted: try body.requiredInteger("accepted"),
            disagreements: try body.requiredInteger("disagreements"), bound: try body.share("bound"),
            escalationRate: try Estimate(body["escalationRate"], "escalationRate"),
            saving: try Estimate(body["saving"], "saving"),
            accuracyLoss: try body["accuracyLoss"].map { loss in
                AccuracyLoss(
                    lost: try loss.requiredInteger("lost", in: "accuracyLoss"),
                    gained: try loss.requiredInteger("gained", in: "accuracyLoss"),
                    bound: try loss.share("bound", in: "accuracyLoss"))
            },
            source: Source(
                file: try data.required("file", in: "data"), sha256: try data.required("sha256", in: "data")),
            certifiedAt: certifiedAt, note: try body.text("note"))
    }
}

extension Certificate.Estimate {
    init(_ body: JSONValue?, _ path: String) throws {
        guard let body else { throw ContractError(.missingField, "\(path) is missing") }
        // What is saved may be less than nothing.
        self.init(
            value: try body.requiredNumber("value", in: path), low: try body.requiredNumber("low", in: path),
            high: try body.requiredNumber("high", in: path))
    }
}

extension JSONValue {
    /// 1 where nothing is said of it, as in what was written before it could be.
    func equalFrom() throws -> Double {
        guard self["equalFrom"] != nil else { return 1 }
        let share = try requiredNumber("equalFrom")
        guard share > 0, share <= 1 else {
            throw ContractError(.wrongType, "equalFrom must lie above 0 and not above 1")
        }
        return share
    }

    /// From 0 to 1.
    fileprivate func share(_ name: StaticString, in path: String? = nil) throws -> Double {
        let number = try requiredNumber(name, in: path)
        guard (0...1).contains(number) else {
            throw ContractError(.wrongType, "\(path.map { $0 + "." } ?? "")\(name) must be from 0 to 1")
        }
        return number
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: String, _ value: Double) {
        self.name(name)
        double(value)
    }

    fileprivate mutating func member(_ name: String, _ estimate: Certificate.Estimate) {
        self.name(name)
        object { body in
            for (name, share) in [("value", estimate.value), ("low", estimate.low), ("high", estimate.high)] {
                body.name(name)
                body.probability(share)
            }
        }
    }
}
