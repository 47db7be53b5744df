/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses to and from text. */
#include "qemu/osdep.h"

#include <netdb.h>
#include <sys/un.h>

#include "io/sockets.h"

#define PORT_TEXT_MAX 32 /* longer than any number or service name */

/* Parse "NAME", "NAME=on" or "NAME=off" of @option into *@has, *@value. */
static bool inet_bool_option(const char *name, const char *arg, bool *has,
                             bool *value, Error **errp)
{
    if (!arg || !strcmp(arg, "on")) {
        *value = true;
    } else if (!strcmp(arg, "off")) {
        *value = false;
    } else {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off'", name);
        return false;
    }
    *has = true;
    return true;
}

static bool inet_to_option(const char *arg, InetSocketAddress *out,
                           Error **errp)
{
    guint64 to;

    if (!arg || !g_ascii_string_to_unsigned(arg, 10, 0, UINT16_MAX, &to,
                                            NULL)) {
        error_setg(errp, "Parameter 'to' expects a number");
        return false;
    }
    out->has_to = true;
    out->to = to;
    return true;
}

/* @options: what follows the first comma. */
static bool inet_parse_options(InetSocketAddress *out, const char *options,
                               Error **errp)
{
    g_auto(GStrv) words = g_strsplit(options, ",", -1);

    for (char **word = words; *word; word++) {
        char *arg = strchr(*word, '=');
        bool ok;

        if (arg) {
            *arg++ = 0;
        }
        if (!strcmp(*word, "to")) {
            ok = inet_to_option(arg, out, errp);
        } else if (!strcmp(*word, "ipv4")) {
            ok = inet_bool_option(*word, arg, &out->has_ipv4, &out->ipv4,
                                  errp);
        } else if (!strcmp(*word, "ipv6")) {
            ok = inet_bool_option(*word, arg, &out->has_ipv6, &out->ipv6,
                                  errp);
        } else if (!strcmp(*word, "keep-alive")) {
            ok = inet_bool_option(*word, arg, &out->has_keep_alive,
                                  &out->keep_alive, errp);
        } else if (!strcmp(*word, "mptcp")) {
            ok = inet_bool_option(*word, arg, &out->has_mptcp, &out->mptcp,
                                  errp);
        } else {
            error_setg(errp, "Invalid parameter '%s'", *word);
            ok = false;
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool inet_parse(InetSocketAddress *out, const char *text, Error **errp)
{
    InetSocketAddress addr = { 0 };
    const char *comma = strchrnul(text, ',');
    const char *host = text;
    const char *host_end;
    const char *port;

    if (*text == '[') {
        host++;
        host_end = memchr(text, ']', comma - text);
        if (!host_end || host_end == host || host_end[1] != ':') {
            error_setg(errp, "error parsing IPv6 address '%s'", text);
            return false;
        }
        port = host_end + 2;
    } else {
        host_end = memchr(text, ':', comma - text);
        if (!host_end) {
            error_setg(errp, "error parsing address '%s'", text);
            return false;
        }
        port = host_end + 1;
    }
    if (port == comma) {
        error_setg(errp, "error parsing port in address '%s'", text);
        return false;
    }
    if (host_end - host >= NI_MAXHOST || comma - port > PORT_TEXT_MAX) {
        error_setg(errp, "trailing characters in address '%s'", text);
        return false;
    }
    if (*comma && !inet_parse_options(&addr, comma + 1, errp)) {
        return false;
    }
    addr.host = g_strndup(host, host_end - host);
    addr.port = g_strndup(port, comma - port);
    *out = addr;
    return true;
}

SocketAddress *socket_parse(const char *text, Error **errp)
{
    g_autoptr(SocketAddress) addr = g_new0(SocketAddress, 1);
    const char *rest = text;

    if (g_str_has_prefix(text, "unix:")) {
        addr->type = SOCKET_ADDRESS_TYPE_UNIX;
        rest += strlen("unix:");
        if (!*rest) {
            error_setg(errp, "invalid Unix socket address");
            return NULL;
        }
        addr->u.q_unix.path = g_strdup(rest);
        return g_steal_pointer(&addr);
    }
    if (g_str_has_prefix(text, "fd:")) {
        addr->type = SOCKET_ADDRESS_TYPE_FD;
        rest += strlen("fd:");
        if (!*rest) {
            error_setg(errp, "invalid file descriptor address");
            return NULL;
        }
        addr->u.fd.str = g_strdup(rest);
        return g_steal_pointer(&addr);
    }
    if (g_str_has_prefix(text, "tcp:")) {
        rest += strlen("tcp:");
    }
    addr->type = SOCKET_ADDRESS_TYPE_INET;
    return inet_parse(&addr->u.inet, rest, errp) ? g_steal_pointer(&addr)
                                                 : NULL;
}

char *socket_address_to_str(const SocketAddress *addr)
{
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return g_strdup_printf("%s:%s", addr->u.inet.host, addr->u.inet.port);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return g_strdup(addr->u.q_unix.path);
    case SOCKET_ADDRESS_TYPE_FD:
        return g_strdup(addr->u.fd.str);
    default:
        return g_strdup("unknown address");
    }
}

char *socket_address_to_uri(const SocketAddress *addr)
{
    const InetSocketAddress *inet = &addr->u.inet;

    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        /* Only an IPv6 address has colons, and needs its brackets. */
        return g_strdup_printf(strchr(inet->host, ':') ? "tcp:[%s]:%s"
                                                       : "tcp:%s:%s",
                               inet->host, inet->port);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return g_strdup_printf("unix:%s", addr->u.q_unix.path);
    case SOCKET_ADDRESS_TYPE_FD:
        return g_strdup_printf("fd:%s", addr->u.fd.str);
    default:
        return g_strdup("unknown address");
    }
}

static bool inet_from_sockaddr(InetSocketAddress *out,
                               const struct sockaddr_storage *sa,
                               socklen_t len, Error **errp)
{
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    int ret = getnameinfo((const struct sockaddr *)sa, len, host, sizeof(host),
                          port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);

    if (ret) {
        error_setg(errp, "Cannot format numeric socket address: %s",
                   gai_strerror(ret));
        return false;
    }
    out->host = g_strdup(host);
    out->port = g_strdup(port);
    if (sa->ss_family == AF_INET) {
        out->has_ipv4 = out->ipv4 = true;
    } else {
        out->has_ipv6 = out->ipv6 = true;
    }
    return true;
}

static void unix_from_sockaddr(UnixSocketAddress *out,
                               const struct sockaddr_un *un, socklen_t len)
{
    size_t path_len = len - MIN(len, offsetof(struct sockaddr_un, sun_path));

    if (path_len > 0 && !un->sun_path[0]) {
        out->path = g_strndup(un->sun_path + 1, path_len - 1);
        out->has_abstract = out->abstract = true;
        out->has_tight = true;
        out->tight = len < sizeof(*un);
    } else {
        /* The terminator may or may not be counted; unnamed: empty. */
        out->path = g_strndup(un->sun_path, path_len);
    }
}

SocketAddress *socket_address_from_sockaddr(const struct sockaddr_storage *sa,
                                            socklen_t len, Error **errp)
{
    g_autoptr(SocketAddress) addr = g_new0(SocketAddress, 1);

    switch (sa->ss_family) {
    case AF_INET:
    case AF_INET6:
        addr->type = SOCKET_ADDRESS_TYPE_INET;
        if (!inet_from_sockaddr(&addr->u.inet, sa, len, errp)) {
            return NULL;
        }
        return g_steal_pointer(&addr);
    case AF_UNIX:
        addr->type = SOCKET_ADDRESS_TYPE_UNIX;
        unix_from_sockaddr(&addr->u.q_unix, (const struct sockaddr_un *)sa,
                           len);
        return g_steal_pointer(&addr);
    default:
        error_setg(errp, "socket family %d is not supported", sa->ss_family);
        return NULL;
    }
}
