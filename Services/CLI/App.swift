import Glibc

@main enum App {
    static func main() async {
        exit(await CommandLineTool.run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }
}
