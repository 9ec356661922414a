/// What a path answers.
struct HTTPResponse: Equatable, Sendable {
    static let plain = "text/plain; charset=utf-8"
    static let json = "application/json"
    static let prometheus = "text/plain; version=0.0.4; charset=utf-8"

    var status: UInt32
    var contentType: String
    var body: String
    var allow: String?

    init(_ status: UInt32, _ contentType: String, _ body: String, allow: String? = nil) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.allow = allow
    }
}
