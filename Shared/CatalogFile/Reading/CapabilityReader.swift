import Contracts
import JSON

/// Reads capabilities and their tasks.
struct CapabilityReader {
    private var reader: FileReader

    init(file: String) { reader = FileReader(file: file) }

    var faults: [CatalogFileError.Fault] { reader.faults }

    mutating func catalog(_ root: JSONValue) -> Catalog? {
        guard let object = reader.object(root, at: "", ["capabilities", "decomposition", "endpoints"]),
            let member = reader.required("capabilities", of: object),
            let elements = reader.array(member, at: "capabilities", 0...CatalogLimits.capabilities)
        else { return nil }
        var capabilities: [CapabilityDescription] = []
        var names = UniqueNames()
        for (path, value) in elements {
            guard let capability = capability(value, at: path) else { continue }
            names.add(capability.name.rawValue, at: "\(path).name", &reader)
            capabilities.append(capability)
        }
        let decomposition = object.members["decomposition"].flatMap {
            self.decomposition($0, at: "decomposition", isFile: false)
        }
        return Catalog(
            capabilities, endpoints: endpoints(of: object), decomposition: decomposition ?? DecompositionDescription())
    }

    /// - Parameter isFile: whether editors find the schema by `$schema`.
    mutating func decomposition(_ value: JSONValue, at path: String, isFile: Bool) -> DecompositionDescription? {
        let names = (isFile ? ["$schema"] : []) + ["full", "splitBelow"]
        guard let object = reader.object(value, at: path, names) else { return nil }
        if let schema = object.members["$schema"] { checkSchemaReference(schema, of: object) }
        guard let full = reader.text("full", of: object, .model) else { return nil }
        let splitBelow = reader.number("splitBelow", of: object, DecompositionDescription.splitBounds)
        let decomposition = DecompositionDescription(full: full, splitBelow: splitBelow)
        if !decomposition.isEndpoint {
            if full != DecompositionDescription.encoder {
                reader.fault(.conflict, object.path(of: "full"), "must be “full” or an endpoint")
            } else if splitBelow != nil {
                reader.fault(.conflict, object.path(of: "splitBelow"), "needs an endpoint, since an encoder cannot cut")
            }
        }
        return decomposition
    }

    private mutating func checkSchemaReference(_ value: JSONValue, of object: FileObject) {
        let path = object.path(of: "$schema")
        if let text = reader.string(value, at: path), text.unicodeScalars.count > CatalogLimits.descriptionLength {
            reader.fault(.size, path, "is too long")
        }
    }

    private mutating func endpoints(of object: FileObject) -> [EndpointDescription] {
        guard let member = object.members["endpoints"],
            let elements = reader.array(member, at: "endpoints", 0...CatalogLimits.endpoints)
        else { return [] }
        var endpoints: [EndpointDescription] = []
        var names = UniqueNames()
        for (path, value) in elements {
            guard let endpoint = reader.object(value, at: path, ["name", "version", "file"]),
                let name = reader.text("name", of: endpoint, .name),
                let version = reader.text("version", of: endpoint, .line(CatalogLimits.titleLength)),
                let file = reader.required("file", of: endpoint)
            else { continue }
            names.add(name, at: "\(path).name", &reader)
            var writer = JSONWriter()
            writer.value(file)
            endpoints.append(EndpointDescription(name: name, version: version, file: writer.text))
        }
        return endpoints
    }

    /// - Returns: `nil` if there is a fault, which `faults` then holds.
    mutating func capability(_ value: JSONValue, at path: String) -> CapabilityDescription? {
        // Editors find the schema by `$schema`.
        let members = ["$schema", "name", "title", "description", "languages", "fullLanguages", "tasks"]
        guard let object = reader.object(value, at: path, members) else { return nil }
        if let schema = object.members["$schema"] { checkSchemaReference(schema, of: object) }
        let name = reader.text("name", of: object, .name)
        if name == Capability.decomposition.rawValue {
            reader.fault(.reserved, object.path(of: "name"), "is the capability of Winnow's own router")
        }
        let title = reader.text("title", of: object, .line(CatalogLimits.titleLength))
        let description = reader.text("description", of: object, .line(CatalogLimits.descriptionLength))
        let languages = reader.languages("languages", of: object)
        let fullLanguages = reader.languages("fullLanguages", of: object, orAny: true)
        if object.members["fullLanguages"] != nil, object.members["languages"] == nil {
            reader.fault(
                .conflict, object.path(of: "fullLanguages"), "needs “languages”, without which no language is checked")
        }
        let tasks = tasks(of: object)
        guard let name, let title, let description, let tasks else { return nil }
        return CapabilityDescription(
            name: Capability(rawValue: name), title: title, description: description, languages: languages,
            fullLanguages: fullLanguages, tasks: tasks)
    }

    private mutating func tasks(of object: FileObject) -> [TaskDescription]? {
        guard let member = reader.required("tasks", of: object),
            let elements = reader.array(member, at: object.path(of: "tasks"), 1...CatalogLimits.tasks)
        else { return nil }
        var names = UniqueNames()
        var tasks: [TaskDescription] = []
        for (path, value) in elements {
            guard let task = task(value, at: path) else { continue }
            names.add(task.name, at: "\(path).name", &reader)
            tasks.append(task)
        }
        return tasks
    }

    private mutating func task(_ value: JSONValue, at path: String) -> TaskDescription? {
        let names = [
            "name", "title", "description", "unit", "output", "comparator", "models", "longText", "routedByAnyWindow",
            "routing", "pool", "limits",
        ]
        guard let object = reader.object(value, at: path, names) else { return nil }
        let name = reader.text("name", of: object, .name)
        let title = reader.text("title", of: object, .line(CatalogLimits.titleLength))
        let description = reader.text("description", of: object, .line(CatalogLimits.descriptionLength))
        let unit = reader.word("unit", of: object, as: TaskDescription.Unit.self)
        let output = output(of: object)
        let comparator = reader.word("comparator", of: object, as: TaskDescription.Comparator.self)
        let models = models(of: object)
        let rule = windowRule(of: object, output)
        let isRoutedByAnyWindow = reader.bool("routedByAnyWindow", of: object) ?? false
        let routing = object.members["routing"].flatMap { reader.routing($0, at: object.path(of: "routing")) }
        let pool = object.members["pool"].flatMap { reader.text($0, at: object.path(of: "pool"), .name) }
        let limits = limits(of: object)
        guard let name, let title, let description, let unit, let output, let comparator, let models else { return nil }
        let task = TaskDescription(
            name: name, title: title, description: description, unit: unit, output: output, comparator: comparator,
            models: models, windowRule: rule, isRoutedByAnyWindow: isRoutedByAnyWindow, routing: routing,
            pool: pool, limits: limits)
        checkCombinations(of: task, at: object)
        return task
    }

    private mutating func output(of object: FileObject) -> TaskDescription.Output? {
        let path = object.path(of: "output")
        guard let member = reader.required("output", of: object) else { return nil }
        // The kind decides which other members there may be.
        guard let kind = reader.kind(of: member, at: path) else { return nil }
        switch kind {
        case .label:
            guard let output = reader.object(member, at: path, ["kind", "labels"]) else { return nil }
            return labels(of: output).map { .label($0) }
        case .json:
            guard let output = reader.object(member, at: path, ["kind", "schema"]),
                let schema = reader.required("schema", of: output)
            else { return nil }
            return AnswerSchema.text(schema, at: "\(path).schema", &reader).map { .json(schema: $0) }
        case .text: return reader.object(member, at: path, ["kind"]).map { _ in .text }
        case .transcript: return reader.object(member, at: path, ["kind"]).map { _ in .transcript }
        }
    }

    private mutating func labels(of output: FileObject) -> [LabelDescription]? {
        guard let member = reader.required("labels", of: output),
            let elements = reader.array(member, at: output.path(of: "labels"), CatalogLimits.labels)
        else { return nil }
        var names = UniqueNames()
        var labels: [LabelDescription] = []
        for (path, value) in elements {
            guard let label = reader.object(value, at: path, ["name", "description"]) else { continue }
            let name = reader.text("name", of: label, .label)
            let description = reader.text("description", of: label, .line(CatalogLimits.labelDescriptionLength))
            guard let name else { continue }
            names.add(name, at: "\(path).name", &reader)
            if Answer.reservedLabels.contains(name) {
                reader.fault(.reserved, "\(path).name", "“\(name)” says that nobody answers, so it cannot be a label")
            }
            labels.append(LabelDescription(name: name, description: description ?? ""))
        }
        return labels
    }

    private mutating func models(of object: FileObject) -> TaskModels? {
        guard let member = reader.required("models", of: object),
            let models = reader.object(member, at: object.path(of: "models"), ["small", "middle", "full", "judge"])
        else { return nil }
        let count = reader.faults.count
        let small = models.members["small"].flatMap { reader.text($0, at: models.path(of: "small"), .model) }
        let middle = models.members["middle"].flatMap { reader.text($0, at: models.path(of: "middle"), .model) }
        let judge = models.members["judge"].flatMap { reader.text($0, at: models.path(of: "judge"), .endpoint) }
        guard let full = reader.text("full", of: models, .model), reader.faults.count == count else { return nil }
        return TaskModels(small: small, middle: middle, full: full, judge: judge)
    }

    private mutating func limits(of object: FileObject) -> AnswerLimits {
        var limits = AnswerLimits()
        guard let member = object.members["limits"],
            let read = reader.object(member, at: object.path(of: "limits"), ["maxTokens", "temperature", "stop"])
        else { return limits }
        limits.maxTokens = reader.integer("maxTokens", of: read, CatalogLimits.answerTokens) ?? limits.maxTokens
        limits.temperature = reader.number("temperature", of: read, CatalogLimits.temperature) ?? limits.temperature
        if let stop = read.members["stop"],
            let texts = reader.array(stop, at: read.path(of: "stop"), CatalogLimits.stopTexts)
        {
            limits.stop = texts.compactMap { reader.text($1, at: $0, .stop) }
        }
        return limits
    }

    private mutating func windowRule(of object: FileObject, _ output: TaskDescription.Output?) -> WindowRule {
        let path = object.path(of: "longText")
        guard let member = object.members["longText"], let rule = reader.rule(of: member, at: path) else {
            return .mean
        }
        guard let longText = reader.object(member, at: path, rule == .anyFinding ? ["rule", "clean"] : ["rule"]) else {
            return .mean
        }
        switch rule {
        case .mean: return .mean
        case .beginning: return .beginning
        case .anyFinding:
            guard let value = reader.required("clean", of: longText),
                let clean = reader.string(value, at: longText.path(of: "clean"))
            else { return .mean }
            if case .label(let labels) = output, !labels.contains(where: { ExactText($0.name) == ExactText(clean) }) {
                reader.fault(.conflict, longText.path(of: "clean"), "is none of the task's labels")
            }
            return .anyFinding(clean: clean)
        }
    }

    /// Reports members that contradict each other.
    private mutating func checkCombinations(of task: TaskDescription, at object: FileObject) {
        let found = task.contradictions(
            hasLongText: object.members["longText"] != nil, hasLimits: object.members["limits"] != nil)
        for (member, message) in found {
            reader.fault(.conflict, object.path(of: member), message)
        }
    }
}

/// Finds names that occur twice, compared by bytes.
struct UniqueNames {
    private var paths: [ExactText: String] = [:]

    mutating func add(_ name: String, at path: String, _ reader: inout FileReader) {
        if let first = paths[ExactText(name)] {
            reader.fault(.duplicate, path, "is the same as \(first)")
        } else {
            paths[ExactText(name)] = path
        }
    }
}
