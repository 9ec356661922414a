#include "CCLD2.h"
#include <climits>
// The public header of CLD2 uses FILE without including it.
#include <cstdio>
#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

const char *winnow_language(const char *bytes, size_t count, bool *is_reliable) {
    *is_reliable = false;
    if (count > INT_MAX) return "un";
    const CLD2::CLDHints no_hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    CLD2::Language languages[3];
    int percents[3], text_bytes, valid_bytes;
    double scores[3];
    // Without the flag, texts of one sentence are mostly "unknown".
    CLD2::Language language = CLD2::ExtDetectLanguageSummaryCheckUTF8(
        bytes, static_cast<int>(count), true, &no_hints, CLD2::kCLDFlagBestEffort, languages, percents, scores, nullptr,
        &text_bytes, is_reliable, &valid_bytes);
    return CLD2::LanguageCode(language);
}
