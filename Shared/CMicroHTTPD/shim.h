#pragma once
#include <microhttpd.h>

// Swift cannot call variadic C functions. These functions fix the arguments that Winnow uses.

// MHD_NO closes the connection. Swift cannot see the constant.
static const enum MHD_Result winnow_mhd_refused = MHD_NO;

// MHD_CONNECTION_NOTIFY_STARTED, which Swift cannot see either.
static const enum MHD_ConnectionNotificationCode winnow_mhd_started = MHD_CONNECTION_NOTIFY_STARTED;

// Takes ownership of the listening socket. It starts no thread: the caller waits for winnow_mhd_epoll and calls
// MHD_run.
static inline struct MHD_Daemon *winnow_mhd_start(
    int listen_socket, unsigned int connections, MHD_AccessHandlerCallback handler,
    MHD_NotifyConnectionCallback notify, void *context) {
    return MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, handler, context,
        MHD_OPTION_LISTEN_SOCKET, listen_socket,
        MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_NOTIFY_CONNECTION, notify, context,
        MHD_OPTION_END);
}

// Returns a descriptor that is readable when MHD_run has work.
static inline int winnow_mhd_epoll(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info ? info->epoll_fd : -1;
}

static inline int winnow_mhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

// Returns NULL if the client's address is unknown.
static inline const struct sockaddr *winnow_mhd_address(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

// Answers with a copy of the body and closes the connection. `allow` may be NULL.
static inline enum MHD_Result winnow_mhd_answer(
    struct MHD_Connection *connection, unsigned int status, const char *content_type, const char *allow,
    const void *body, size_t count) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(count, (void *)body, MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (allow) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}
