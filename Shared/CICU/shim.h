#pragma once
#include <unicode/ubrk.h>
#include <unicode/utext.h>

// ICU renames its functions with version macros, which Swift cannot see. These functions have stable names.
static inline UBreakIterator *winnow_sentences_open(const char *utf8, int64_t count, UText **text, UErrorCode *status) {
    *text = utext_openUTF8(NULL, utf8, count, status);
    UBreakIterator *iterator = ubrk_open(UBRK_SENTENCE, "en", NULL, 0, status);
    if (U_SUCCESS(*status)) ubrk_setUText(iterator, *text, status);
    return iterator;
}

// Returns the next boundary as an offset into the UTF-8 bytes, or a negative number at the end.
static inline int32_t winnow_sentences_next(UBreakIterator *iterator) { return ubrk_next(iterator); }

static inline void winnow_sentences_close(UBreakIterator *iterator, UText *text) {
    if (iterator) ubrk_close(iterator);
    if (text) utext_close(text);
}

static inline int winnow_icu_failed(UErrorCode status) { return U_FAILURE(status); }
