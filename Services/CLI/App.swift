import Glibc

@main enum App {
    static func main() async {
        // A closed pipe or connection must appear as a write error instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        let status = await CommandLineTool.run(Array(CommandLine.arguments.dropFirst()))
        exit(Console.finish(status).rawValue)
    }
}
