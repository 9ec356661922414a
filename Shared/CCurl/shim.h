#pragma once
// The functions below have types, so curl's own checks of variadic arguments are not needed.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

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

// Says which functions libcurl tells what its sockets and its timer wait for. NULL for none.
static inline CURLMcode winnow_curl_set_watchers(
    CURLM *transfers, curl_socket_callback sockets, curl_multi_timer_callback timer, void *context) {
    CURLMcode code = curl_multi_setopt(transfers, CURLMOPT_SOCKETFUNCTION, sockets);
    if (code == CURLM_OK) code = curl_multi_setopt(transfers, CURLMOPT_SOCKETDATA, context);
    if (code == CURLM_OK) code = curl_multi_setopt(transfers, CURLMOPT_TIMERFUNCTION, timer);
    return code != CURLM_OK ? code : curl_multi_setopt(transfers, CURLMOPT_TIMERDATA, context);
}

// CURL_GLOBAL_DEFAULT is an expression that Swift cannot see.
static inline CURLcode winnow_curl_start(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

// Swift's Glibc has neither epoll nor eventfd. A wait ends with the sockets that are ready, and what each is ready for
// in the terms of curl_multi_socket_action: libcurl finds out itself about a connection that is broken.
enum { WINNOW_READY_MOST = 64 };
typedef struct {
    int socket;
    int events;
} winnow_ready;

static inline int winnow_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

// A number whose every addition wakes the waiting thread, once: nobody has to read it.
static inline int winnow_signal_create(int epoll) {
    int signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal < 0) return signal;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = signal};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, signal, &event) == 0) return signal;
    close(signal);
    return -1;
}

static inline void winnow_signal(int signal) { eventfd_write(signal, 1); }

// `what` is what libcurl waits for: CURL_POLL_IN, CURL_POLL_OUT, both, or CURL_POLL_REMOVE.
static inline int winnow_epoll_watch(int epoll, curl_socket_t socket, int what) {
    if (what == CURL_POLL_REMOVE) return epoll_ctl(epoll, EPOLL_CTL_DEL, socket, NULL);
    struct epoll_event event = {.data.fd = socket};
    if (what & CURL_POLL_IN) event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
    int code = epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    return code != 0 && errno == EEXIST ? epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) : code;
}

static inline int winnow_epoll_wait(int epoll, winnow_ready *ready, int milliseconds) {
    struct epoll_event events[WINNOW_READY_MOST];
    int count = epoll_wait(epoll, events, WINNOW_READY_MOST, milliseconds);
    for (int i = 0; i < count; i++) {
        int happened = events[i].events, known = 0;
        if (happened & EPOLLIN) known |= CURL_CSELECT_IN;
        if (happened & EPOLLOUT) known |= CURL_CSELECT_OUT;
        ready[i] = (winnow_ready){events[i].data.fd, happened & (EPOLLERR | EPOLLHUP) ? 0 : known};
    }
    return count;
}
