#include "CSimdjson.h"
#include <memory>
#include <new>
#include <simdjson.h>
#include <vector>

namespace {
// Every document that Winnow reads is smaller. While it is read, its buffers take about fourteen times its size.
constexpr size_t max_document_bytes = 16u << 20;
constexpr size_t max_depth = 64;
// A parser whose buffers are for larger documents than this is destroyed after use, not kept.
constexpr size_t kept_capacity = 1u << 14;

// Parsers that are not in use. They keep their buffers for the next document. A document that is parsed while another
// one is open takes another parser.
thread_local std::vector<std::unique_ptr<simdjson::dom::parser>> idle;
}

int winnow_json_open(const uint8_t *bytes, size_t count, winnow_json_document *document) {
    try {
        std::unique_ptr<simdjson::dom::parser> parser;
        if (idle.empty()) {
            parser = std::make_unique<simdjson::dom::parser>(max_document_bytes);
            if (auto error = parser->allocate(4096, max_depth)) return error;
        } else {
            parser = std::move(idle.back());
            idle.pop_back();
        }
        simdjson::dom::element root;
        auto error = parser->parse(bytes, count, true).get(root);
        if (error) {
            if (parser->capacity() <= kept_capacity) idle.push_back(std::move(parser));
            return error;
        }
        document->tape = parser->doc.tape.get();
        document->strings = parser->doc.string_buf.get();
        document->parser = parser.release();
        return 0;
    } catch (const std::bad_alloc &) {
        return simdjson::MEMALLOC;
    }
}

void winnow_json_close(winnow_json_document document) {
    std::unique_ptr<simdjson::dom::parser> parser(static_cast<simdjson::dom::parser *>(document.parser));
    // Large documents are rare. The thread must not keep their buffers until it ends.
    if (parser && parser->capacity() <= kept_capacity) idle.push_back(std::move(parser));
}

const char *winnow_json_error(int code) {
    return simdjson::error_message(static_cast<simdjson::error_code>(code));
}
