import Inference

/// Measures encoders on one thread: `EncoderBench ITEMS MODEL...`. ITEMS is a file with one text on each line. A MODEL
/// is a folder such as `infra/models/full`, optionally followed by `:capability/task` to select another head than the
/// first. Prints one JSON object for each model. `EncoderBench --requests ITEMS FOLDER...` measures item readers, on
/// requests that are made of the lines.
@main
enum App {
    static func main() throws {
        var arguments = CommandLine.arguments.dropFirst()
        let readsRequests = arguments.first == "--requests"
        if readsRequests { arguments = arguments.dropFirst() }
        guard let items = arguments.first, arguments.count > 1 else {
            print("usage: EncoderBench ITEMS MODEL[:capability/task]... | --requests ITEMS FOLDER...")
            return
        }
        let texts = try Bench.lines(of: items)
        for model in arguments.dropFirst() {
            print(try readsRequests ? ReaderBench(model, texts).report() : Bench(model, texts).report())
        }
    }
}
