#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Recognizes the language in which most of a plain text is written. Safe to call from many threads at once: CLD2 reads constant
/// tables only.
///
/// \param bytes UTF-8. Bytes that are not valid are no language.
/// \param count at most INT_MAX.
/// \param is_reliable whether the language is clearly more probable than the next one.
/// \return CLD2's code, such as "de" or "zh-Hant"; "un" if it is not known. Never freed.
const char *winnow_language(const char *bytes, size_t count, bool *is_reliable);

#ifdef __cplusplus
}
#endif
