import Glibc

@main enum App {
    static func main() async {
        // A reader that has gone is an error of the write, and a broker that has gone must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let status = await CommandLineTool.run(Array(CommandLine.arguments.dropFirst()))
        exit(Console.finish(status).rawValue)
    }
}
