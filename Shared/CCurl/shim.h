#pragma once
// The functions below have types, so curl's own checks of variadic arguments are not needed.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// Swift cannot call variadic C functions. These functions fix the type of the argument.

static inline CURLcode winnow_curl_set_long(CURL *transfer, CURLoption option, long value) {
    return curl_easy_setopt(transfer, option, value);
}

static inline CURLcode winnow_curl_set_offset(CURL *transfer, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(transfer, option, value);
}

// libcurl copies the text.
static inline CURLcode winnow_curl_set_text(CURL *transfer, CURLoption option, const char *value) {
    return curl_easy_setopt(transfer, option, value);
}

// Copies the body. The size must be set first, or a zero byte would end it.
static inline CURLcode winnow_curl_set_body(CURL *transfer, const void *body, size_t count) {
    CURLcode code = curl_easy_setopt(transfer, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    return code != CURLE_OK ? code : curl_easy_setopt(transfer, CURLOPT_COPYPOSTFIELDS, body);
}

// The list must outlive the transfer.
static inline CURLcode winnow_curl_set_fields(CURL *transfer, struct curl_slist *fields) {
    return curl_easy_setopt(transfer, CURLOPT_HTTPHEADER, fields);
}

typedef size_t (*winnow_curl_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode winnow_curl_set_receivers(
    CURL *transfer, winnow_curl_receiver field, winnow_curl_receiver body, void *context) {
    CURLcode code = curl_easy_setopt(transfer, CURLOPT_HEADERFUNCTION, field);
    if (code == CURLE_OK) code = curl_easy_setopt(transfer, CURLOPT_HEADERDATA, context);
    if (code == CURLE_OK) code = curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, body);
    return code != CURLE_OK ? code : curl_easy_setopt(transfer, CURLOPT_WRITEDATA, context);
}

// Returns 0 if the figure is not known.
static inline long winnow_curl_info_long(CURL *transfer, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(transfer, info, &value) == CURLE_OK ? value : 0;
}

// Returns the next transfer that has ended, and its result; NULL if there is none.
static inline CURL *winnow_curl_ended(CURLM *transfers, CURLcode *result) {
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(transfers, &left));) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}

// CURL_GLOBAL_DEFAULT is an expression that Swift cannot see.
static inline CURLcode winnow_curl_start(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }
