import JSON

/// A JSON object that is read strictly: a wrong type, a value outside its bounds, and a member that nobody asked for
/// are faults. Reading goes on after a fault, so that one pass finds all.
struct StrictObject {
    struct Fault: Equatable {
        let path: String
        let message: String
    }

    private let value: JSONValue
    private let path: String
    private var known: Set<String> = []
    private(set) var faults: [Fault] = []

    /// Reads `value` with `body`, and then looks for what `body` did not ask for.
    static func read<Result>(
        _ value: JSONValue, at path: String = "", _ body: (inout StrictObject) -> Result
    ) -> (result: Result, faults: [Fault]) {
        var object = StrictObject(value: value, path: path)
        if value.kind != .object { object.faults.append(Fault(path: path, message: "must be an object")) }
        let result = body(&object)
        var seen: Set<String> = []
        value.forEachMember { name, _ in
            if !seen.insert(name).inserted { object.fault(name, "is given twice") }
            if !object.known.contains(name) { object.fault(name, "is not known") }
        }
        return (result, object.faults)
    }

    private init(value: JSONValue, path: String) {
        self.value = value
        self.path = path
    }

    mutating func fault(_ name: String, _ message: String) {
        faults.append(Fault(path: path.isEmpty ? name : "\(path).\(name)", message: message))
    }

    mutating func text(_ name: StaticString) -> String? {
        guard let member = member(name) else { return nil }
        guard let text = member.string, !text.isEmpty else { return wrong(name, "must be a text that is not empty") }
        return text
    }

    mutating func requiredText(_ name: StaticString) -> String {
        let text = text(name)
        if value.kind == .object, value[name] == nil { fault(name.description, "is missing") }
        return text ?? ""
    }

    mutating func bool(_ name: StaticString) -> Bool? {
        guard let member = member(name) else { return nil }
        return member.bool ?? wrong(name, "must be true or false")
    }

    mutating func integer(_ name: StaticString, in range: ClosedRange<Int>) -> Int? {
        guard let member = member(name) else { return nil }
        guard let number = member.integer, range.contains(number) else {
            return wrong(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func number(_ name: StaticString, in range: ClosedRange<Double>) -> Double? {
        guard let member = member(name) else { return nil }
        guard let number = member.double, range.contains(number) else {
            return wrong(name, "must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// - Units: seconds.
    mutating func duration(_ name: StaticString, in range: ClosedRange<Double>) -> Duration? {
        number(name, in: range).map { .seconds($0) }
    }

    mutating func texts(_ name: StaticString) -> [String]? {
        guard let member = member(name) else { return nil }
        guard let texts = member.map(\.string), texts.allSatisfy({ $0?.isEmpty == false }) else {
            return wrong(name, "must be an array of texts that are not empty")
        }
        return texts.compactMap { $0 }
    }

    mutating func object<Result>(_ name: StaticString, _ body: (inout StrictObject) -> Result) -> Result? {
        guard let member = member(name) else { return nil }
        let (result, found) = Self.read(member, at: place(name), body)
        faults += found
        return result
    }

    mutating func objects<Result>(_ name: StaticString, _ body: (inout StrictObject) -> Result) -> [Result]? {
        guard let member = member(name) else { return nil }
        var index = 0
        let results = member.map { element in
            let (result, found) = Self.read(element, at: "\(place(name))[\(index)]", body)
            faults += found
            index += 1
            return result
        }
        return results ?? wrong(name, "must be an array")
    }

    /// The members of an object whose names are free.
    mutating func pairs(_ name: StaticString) -> [(name: String, value: String)]? {
        guard let member = member(name) else { return nil }
        guard member.kind == .object else { return wrong(name, "must be an object") }
        var pairs: [(String, String)] = []
        member.forEachMember { key, value in
            if let text = value.string { pairs.append((key, text)) } else { fault("\(name).\(key)", "must be a text") }
        }
        return pairs
    }

    private func place(_ name: StaticString) -> String { path.isEmpty ? name.description : "\(path).\(name)" }

    private mutating func member(_ name: StaticString) -> JSONValue? {
        known.insert(name.description)
        return value[name]
    }

    private mutating func wrong<Value>(_ name: StaticString, _ message: String) -> Value? {
        fault(name.description, message)
        return nil
    }
}
