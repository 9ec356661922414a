import Contracts
import JSON

extension JSONWriter {
    mutating func capability(_ capability: CapabilityDescription) {
        object { writer in
            writer.member("name", capability.name.rawValue)
            writer.member("title", capability.title)
            writer.member("description", capability.description)
            for (name, tags) in [("languages", capability.languages), ("fullLanguages", capability.fullLanguages)]
            where !tags.isEmpty {
                writer.name(name)
                writer.array(tags) { $0.string($1) }
            }
            writer.name("tasks")
            writer.array(capability.tasks) { $0.task($1) }
        }
    }

    mutating func decomposition(_ decomposition: DecompositionDescription) {
        object { writer in
            writer.member("full", decomposition.full)
            writer.optional("splitBelow", decomposition.splitBelow) { $0.double($1) }
        }
    }

    private mutating func task(_ task: TaskDescription) {
        object { writer in
            writer.member("name", task.name)
            writer.member("title", task.title)
            writer.member("description", task.description)
            writer.member("unit", task.unit.rawValue)
            writer.name("output")
            writer.output(task.output)
            writer.member("comparator", task.comparator.rawValue)
            writer.name("models")
            writer.object { writer in
                writer.member("small", task.models.small)
                writer.member("middle", task.models.middle)
                writer.member("full", task.models.full)
                writer.member("judge", task.models.judge)
            }
            writer.longText(task.windowRule)
            if task.isRoutedByAnyWindow { writer.member("routedByAnyWindow", true) }
            writer.optional("routing", task.routing) { $0.routing($1) }
            writer.member("pool", task.pool)
            writer.limits(task.limits)
        }
    }

    private mutating func limits(_ limits: AnswerLimits) {
        let usual = AnswerLimits()
        guard limits != usual else { return }
        name("limits")
        object { writer in
            if limits.maxTokens != usual.maxTokens { writer.member("maxTokens", limits.maxTokens) }
            if limits.temperature != usual.temperature {
                writer.name("temperature")
                writer.double(limits.temperature)
            }
            guard !limits.stop.isEmpty else { return }
            writer.name("stop")
            writer.array(limits.stop) { $0.string($1) }
        }
    }

    private mutating func output(_ output: TaskDescription.Output) {
        object { writer in
            switch output {
            case .label(let labels):
                writer.member("kind", "label")
                writer.name("labels")
                writer.array(labels) { writer, label in
                    writer.object { writer in
                        writer.member("name", label.name)
                        writer.member("description", label.description)
                    }
                }
            case .text: writer.member("kind", "text")
            case .json(let schema):
                writer.member("kind", "json")
                writer.name("schema")
                writer.raw(schema)
            case .transcript: writer.member("kind", "transcript")
            }
        }
    }

    private mutating func routing(_ routing: TaskRouting) {
        object { writer in
            writer.name("examples")
            writer.array(routing.examples) { $0.string($1) }
            writer.optional("head", routing.head) { writer, head in
                writer.object { writer in
                    writer.member("router", head.router)
                    writer.member("examples", head.examples)
                    writer.name("temperature")
                    writer.double(head.temperature)
                    writer.name("threshold")
                    writer.double(head.threshold)
                    writer.member("weights", Base64.text(of: head.weights + [head.bias]))
                }
            }
        }
    }

    private mutating func longText(_ rule: WindowRule) {
        switch rule {
        // The default. Only the router's own route, which is in no file, has findings.
        case .mean, .beginningAnd: return
        case .anyFinding(let clean):
            name("longText")
            object { writer in
                writer.member("rule", "anyFinding")
                writer.member("clean", clean)
            }
        case .beginning:
            name("longText")
            object { $0.member("rule", "beginning") }
        }
    }
}
