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
        func amount(_ name: StaticString, atMost limit: Int) throws -> Int64 {
            Int64(try value.integer(name, in: path, within: 0...limit) ?? 0)
        }
        self.init(
            number: try value.requiredInteger("number", in: path, within: 1...Limits.attemptsPerStep), kind: kind,
            state: state, model: try value.requiredName("model", in: path),
            version: try value.requiredName("version", in: path),
            items: Int(try amount("items", atMost: Limits.itemsPerCall)),
            usage: TokenUsage(
                inputTokens: try amount("inputTokens", atMost: Limits.tokensPerCall),
                outputTokens: try amount("outputTokens", atMost: Limits.tokensPerCall),
                flops: try amount("flops", atMost: Limits.flopsPerCall)),
            durationMicros: try amount("durationMicros", atMost: Limits.microsPerCall),
            startedAt: try value.requiredTime("startedAt", in: path),
            counterfactual: TokenUsage(
                inputTokens: try amount("fullModelTokens", atMost: Limits.tokensPerCall),
                flops: try amount("fullModelFlops", atMost: Limits.flopsPerCall)),
            error: try value.text("error", in: path))
    }
}
