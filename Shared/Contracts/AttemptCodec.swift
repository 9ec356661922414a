import JSON

extension Attempt {
    func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("number", number)
            body.member("kind", kind.rawValue)
            body.member("state", state.rawValue)
            body.member("model", model)
            body.member("version", version)
            body.member("items", items)
            body.member("inputTokens", usage.inputTokens)
            if usage.outputTokens != 0 { body.member("outputTokens", usage.outputTokens) }
            body.member("flops", usage.flops)
            body.member("durationMicros", durationMicros)
            body.member("startedAt", startedAt.milliseconds)
            body.member("fullModelTokens", counterfactual.inputTokens)
            body.member("fullModelFlops", counterfactual.flops)
            body.member("error", error)
        }
    }

    init(json value: JSONValue) throws {
        let path = "attempts"
        guard let kind = Kind(rawValue: try value.required("kind", in: path)),
            let state = State(rawValue: try value.required("state", in: path))
        else { throw ContractError(.wrongType, "attempts: kind or state is none that is known") }
        func amount(_ name: StaticString) throws -> Int64 {
            let amount = try value.integer(name, in: path) ?? 0
            guard amount >= 0 else { throw ContractError(.wrongType, "attempts.\(name) must not be negative") }
            return Int64(amount)
        }
        self.init(
            number: try value.requiredInteger("number", in: path), kind: kind, state: state,
            model: try value.required("model", in: path), version: try value.required("version", in: path),
            items: Int(try amount("items")),
            usage: TokenUsage(
                inputTokens: try amount("inputTokens"), outputTokens: try amount("outputTokens"),
                flops: try amount("flops")),
            durationMicros: try amount("durationMicros"),
            startedAt: Timestamp(milliseconds: try amount("startedAt")),
            counterfactual: TokenUsage(
                inputTokens: try amount("fullModelTokens"), flops: try amount("fullModelFlops")),
            error: try value.text("error", in: path))
    }
}
