@main
enum App {
    static func main() async throws {}
}
