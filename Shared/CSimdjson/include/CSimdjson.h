#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One parsed document: simdjson's tape (64-bit words, type in the top byte) and its string buffer (32-bit length,
// bytes, NUL). Both are valid until winnow_json_close.
typedef struct {
    void *parser;
    const uint64_t *tape;
    const uint8_t *strings;
} winnow_json_document;

// Parses and validates (syntax, UTF-8, depth). Returns 0 or simdjson's error code.
int winnow_json_open(const uint8_t *bytes, size_t count, winnow_json_document *document);
void winnow_json_close(winnow_json_document document);
const char *winnow_json_error(int code);

#ifdef __cplusplus
}
#endif
