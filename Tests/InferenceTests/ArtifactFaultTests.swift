import BuiltInCatalog
import Testing

@testable import Inference

/// Every kind of fault in an artifact is refused with a code, the file and a sentence.
struct ArtifactFaultTests {
    /// A valid artifact and the change that corrupts it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: ArtifactError.Code
        var model: @Sendable (inout TinyModel) -> Void = { _ in }
        var card: @Sendable (String) -> String = { $0 }
        var file: @Sendable ([UInt8]) -> [UInt8] = { $0 }
        var says = ""
    }

    @Test func `the artifact that the faults are made from is sound`() throws {
        try TinyModel().written { folder in _ = try EncoderClassifier(directory: folder, catalog: .builtIn) }
    }

    @Test(arguments: cardFaults + fileFaults + headerFaults + tensorFaults)
    func `a spoiled artifact is refused`(fault: Fault) throws {
        var model = TinyModel()
        fault.model(&model)
        try model.written(editCard: fault.card, editFile: fault.file) { folder in
            let error = #expect(throws: ArtifactError.self) {
                try EncoderClassifier(directory: folder, catalog: .builtIn)
            }
            #expect(error?.code == fault.code, "\(String(describing: error))")
            #expect(error?.message.contains(fault.says) == true, "\(String(describing: error))")
            #expect(error?.file.hasPrefix(folder) == true)
        }
    }

    @Test func `a folder without an artifact is refused`() {
        let error = #expect(throws: ArtifactError.self) {
            try EncoderClassifier(directory: "/nowhere", catalog: .builtIn)
        }
        #expect(error?.code == .unreadable)
        #expect(error?.file == "/nowhere/card.json")
    }
}
