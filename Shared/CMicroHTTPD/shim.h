#pragma once
#include <microhttpd.h>

// Swift cannot call variadic C: these fix the options that Winnow uses.

// MHD_NO, which Swift does not see: closes the connection.
static const enum MHD_Result winnow_mhd_refused = MHD_NO;

// Takes the socket over; one thread of its own, waiting in epoll.
static inline struct MHD_Daemon *winnow_mhd_start(
    int listen_socket, unsigned int connections, unsigned int timeout_seconds,
    MHD_AccessHandlerCallback handler, void *context) {
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handler, context,
        MHD_OPTION_LISTEN_SOCKET, listen_socket,
        MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, timeout_seconds,
        MHD_OPTION_END);
}

// Answers with a copy of the body. `allow` may be NULL.
static inline enum MHD_Result winnow_mhd_answer(
    struct MHD_Connection *connection, unsigned int status, const char *content_type, const char *allow,
    const void *body, size_t count) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(count, (void *)body, MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (allow) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}
