import Inference

/// Measures encoders on one thread: `EncoderBench ITEMS MODEL...`, where ITEMS is a file of texts, one a line, and a
/// MODEL a folder such as `infra/models/full`, with `:capability/task` behind it for another head than its first.
/// Prints one JSON object a model.
@main
enum App {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let items = arguments.first, arguments.count > 1 else {
            print("usage: EncoderBench ITEMS MODEL[:capability/task]...")
            return
        }
        let texts = try Bench.lines(of: items)
        for model in arguments.dropFirst() { print(try Bench(model, texts).report()) }
    }
}
