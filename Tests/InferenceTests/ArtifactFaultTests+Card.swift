import Contracts
@testable import Inference

extension ArtifactFaultTests {
    static let cardFaults: [Fault] = [
        Fault(testDescription: "a card that is cut short", code: .card, card: { String($0.dropLast(9)) }),
        Fault(testDescription: "another schema", code: .schemaVersion, model: { $0.card["schemaVersion"] = "2" }),
        Fault(testDescription: "no name", code: .card, model: { $0.card["name"] = nil }, says: "name is missing"),
        Fault(testDescription: "an unknown role", code: .card, model: { $0.card["role"] = "\"oracle\"" }, says: "role"),
        Fault(testDescription: "no heads", code: .card, model: { $0.card["heads"] = "[]" }, says: "heads is empty"),
        Fault(
            testDescription: "a width that is not a multiple of 16", code: .unsupported,
            card: { $0.replacing("\"hiddenSize\":64", with: "\"hiddenSize\":72") }, says: "hiddenSize is 72"),
        Fault(
            testDescription: "a negative dimension", code: .card,
            card: { $0.replacing("\"layers\":2", with: "\"layers\":-1") }, says: "encoder.layers is -1"),
        Fault(
            testDescription: "another tokenizer", code: .unsupported,
            card: { $0.replacing("\"lowercase\":true", with: "\"lowercase\":false") }),
        Fault(
            testDescription: "weights in another folder", code: .card,
            card: { $0.replacing("\"model.safetensors\"", with: "\"../model.safetensors\"") }, says: "weights.file"),
        Fault(
            testDescription: "weights that are not there", code: .unreadable,
            card: { $0.replacing("\"model.safetensors\"", with: "\"other.safetensors\"") }),
        Fault(
            testDescription: "a label that appears twice", code: .labels,
            card: { $0.replacing("[\"a\",\"b\",\"c\"]", with: "[\"a\",\"b\",\"a\"]") }, says: "heads[0].labels"),
        Fault(
            testDescription: "a label less than the head has rows", code: .labels,
            card: { $0.replacing("[\"a\",\"b\",\"c\"]", with: "[\"a\",\"b\"]") }, says: "clause-type"),
        Fault(
            testDescription: "a threshold less than labels", code: .card,
            card: { $0.replacing("[0.5,0.25]", with: "[0.5]") }, says: "heads[1].thresholds"),
        Fault(
            testDescription: "an unknown kind of head", code: .card,
            card: { $0.replacing("multi-label", with: "ranking") }, says: "heads[1].kind"),
        Fault(
            testDescription: "more tokens than positions", code: .card,
            card: { $0.replacing("\"maxTokens\":8", with: "\"maxTokens\":49") }, says: "heads[1].maxTokens is 49"),
        Fault(
            testDescription: "more layers than the encoder has", code: .card,
            card: { $0.replacing("\"layers\":1,\"maxTokens\"", with: "\"layers\":3,\"maxTokens\"") },
            says: "heads[1].layers is 3"),
        Fault(
            testDescription: "an exit behind the head", code: .card,
            card: { $0.replacing("{\"layers\":1,\"from\"", with: "{\"layers\":2,\"from\"") }, says: "heads[0].exits"),
        Fault(
            testDescription: "two exits after the same layer", code: .card,
            card: { $0.replacing("{\"layers\":1,\"from\"", with: "{\"layers\":0,\"from\"") }, says: "heads[0].exits"),
        Fault(
            testDescription: "an exit that is sure of everything", code: .card,
            card: { $0.replacing("\"from\":0.65", with: "\"from\":0") }, says: "heads[0].exits[0].from"),
        Fault(
            testDescription: "no work a token", code: .card,
            card: { $0.replacing("\"perToken\":1000", with: "\"perToken\":0") }, says: "flops.perToken"),
        Fault(
            testDescription: "a temperature of zero", code: .card,
            card: { $0.replacing("\"temperature\":1.0", with: "\"temperature\":0") }, says: "temperature"),
    ]

    static let fileFaults: [Fault] = [
        Fault(testDescription: "an empty file", code: .byteCount, file: { _ in [] }),
        Fault(
            testDescription: "a byte less", code: .byteCount, file: { $0.dropLast() }, says: "bytes, but its card says"),
        Fault(testDescription: "a byte more", code: .byteCount, file: { $0 + [0] }),
        Fault(
            testDescription: "a flipped bit", code: .checksum,
            file: { bytes in
                var bytes = bytes
                bytes[bytes.count / 2] ^= 1
                return bytes
            }),
        Fault(
            testDescription: "another model's card", code: .identity,
            model: { $0.file.metadata["card"] = "other" }, says: "tiny"),
        Fault(
            testDescription: "another format", code: .identity,
            model: { $0.file.metadata["format"] = "winnow-router-states" }),
        Fault(
            testDescription: "another schema of the tensors", code: .schemaVersion,
            model: { $0.file.metadata["schemaVersion"] = "2" }),
    ]
}
