import Contracts
import Testing

struct MediaTypeTests {
    @Test(arguments: [
        "text/plain", "Text/Markdown; charset=utf-8", "text/csv", "application/json", "application/vnd.a+json",
        "application/xml", "image/svg+xml", "application/x-ndjson", "application/yaml",
    ])
    func `a media type of text is known`(type: String) {
        #expect(MediaType(type).isText)
    }

    @Test(arguments: ["application/pdf", "image/png", "application/octet-stream", "", "text", "application/zip", "*/*"])
    func `any other media type is not taken for text`(type: String) {
        #expect(!MediaType(type).isText)
    }

    @Test(arguments: [
        ("application/json", true), ("APPLICATION/JSON ; Charset=\"UTF-8\"", true), ("application/vnd.a+json", true),
        ("application/json; charset=utf-16", false), ("application/jsonl", false), ("text/plain", false),
    ])
    func `JSON is known by its name, and is UTF-8`(type: String, isJSON: Bool) {
        #expect(MediaType(type).isJSON == isJSON)
    }
}
