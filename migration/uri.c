/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/uri.h"

#include "qemu/cutils.h"

/* What getaddrinfo() can use at most; longer words are mistakes. */
#define HOST_MAX 64
#define PORT_MAX 32

/*
 * The value of option @name in @opts (",a,b=c"): NULL if it is not there, ""
 * if it has no value.  Freed by g_free().
 */
static char *inet_option(const char *opts, const char *name)
{
    g_auto(GStrv) words = g_strsplit(opts, ",", -1);
    size_t len = strlen(name);

    for (char **w = words; *w; w++) {
        if (!strncmp(*w, name, len)) {
            if (!(*w)[len]) {
                return g_strdup("");
            }
            if ((*w)[len] == '=') {
                return g_strdup(*w + len + 1);
            }
        }
    }
    return NULL;
}

static bool inet_flag(const char *opts, const char *name, bool *has,
                      bool *value, Error **errp)
{
    g_autofree char *text = inet_option(opts, name);

    if (!text) {
        return true;
    }
    *has = true;
    if (!*text || !strcmp(text, "on")) {
        *value = true;
    } else if (!strcmp(text, "off")) {
        *value = false;
    } else {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off'", name);
        return false;
    }
    return true;
}

static bool inet_options(InetSocketAddress *inet, const char *opts,
                         Error **errp)
{
    g_autofree char *to = inet_option(opts, "to");
    uint64_t port;

    if (to) {
        if (!qemu_parse_u64(to, &port) || port > UINT16_MAX) {
            error_setg(errp, "Parameter 'to' expects a port number");
            return false;
        }
        inet->has_to = true;
        inet->to = port;
    }
    return inet_flag(opts, "ipv4", &inet->has_ipv4, &inet->ipv4, errp) &&
           inet_flag(opts, "ipv6", &inet->has_ipv6, &inet->ipv6, errp) &&
           inet_flag(opts, "keep-alive", &inet->has_keep_alive,
                     &inet->keep_alive, errp) &&
           inet_flag(opts, "mptcp", &inet->has_mptcp, &inet->mptcp, errp);
}

/* "[HOST]:PORT[,option...]"; a host with colons stands in brackets. */
static bool inet_parse(InetSocketAddress *inet, const char *text, Error **errp)
{
    const char *host = text, *host_end, *port, *port_end;
    bool bracket = *text == '[';

    if (bracket) {
        host++;
        host_end = strchr(host, ']');
        port = host_end && host_end[1] == ':' ? host_end + 2 : NULL;
    } else {
        host_end = strchr(host, ':');
        port = host_end ? host_end + 1 : NULL;
    }
    port_end = port ? port + strcspn(port, ",") : NULL;
    if (!port || port_end == port || port_end - port > PORT_MAX ||
        host_end - host > HOST_MAX || (bracket && host_end == host)) {
        error_setg(errp, "error parsing %saddress '%s'",
                   bracket ? "IPv6 " : *text == ':' ? "port in " : "", text);
        return false;
    }
    if (memchr(port, ':', port_end - port)) {
        error_setg(errp, "trailing characters in address '%s'", text);
        return false;
    }
    inet->host = g_strndup(host, host_end - host);
    inet->port = g_strndup(port, port_end - port);
    return inet_options(inet, port_end, errp);
}

/* "NAME[,offset=SIZE]"; other commas belong to the name. */
static bool file_parse(FileMigrationArgs *file, const char *text, Error **errp)
{
    const char *opt = strstr(text, ",offset=");
    const char *size;
    bool ok;

    if (!opt) {
        file->filename = g_strdup(text);
        return true;
    }
    size = opt + strlen(",offset=");
    /* A hexadecimal number takes no suffix: "0x1B" has to be 27. */
    if (g_ascii_strncasecmp(size, "0x", 2) == 0) {
        ok = qemu_parse_u64(size, &file->offset);
        errno = EINVAL;
    } else {
        ok = qemu_parse_size(size, 1, &file->offset);
    }
    if (ok && file->offset > INT64_MAX) {
        errno = ERANGE;
        ok = false;
    }
    if (!ok) {
        error_setg_errno(errp, errno, "file URI has bad offset %s", size);
        return false;
    }
    file->filename = g_strndup(text, opt - text);
    return true;
}

static void exec_parse(MigrationExecCommand *exec, const char *command)
{
    const char *const args[] = { command, "-c", "/bin/sh" };

    for (size_t i = 0; i < G_N_ELEMENTS(args); i++) {
        QAPI_LIST_PREPEND(exec->args, g_strdup(args[i]));
    }
}

MigrationAddress *migration_uri_parse(const char *uri, Error **errp)
{
    g_autoptr(MigrationAddress) addr = g_new0(MigrationAddress, 1);
    SocketAddress *saddr = &addr->u.socket;
    const char *rest;

    if (g_str_has_prefix(uri, "exec:")) {
        addr->transport = MIGRATION_ADDRESS_TYPE_EXEC;
        exec_parse(&addr->u.exec, uri + 5);
    } else if (g_str_has_prefix(uri, "file:")) {
        addr->transport = MIGRATION_ADDRESS_TYPE_FILE;
        if (!file_parse(&addr->u.file, uri + 5, errp)) {
            return NULL;
        }
    } else if (g_str_has_prefix(uri, "tcp:")) {
        addr->transport = MIGRATION_ADDRESS_TYPE_SOCKET;
        saddr->type = SOCKET_ADDRESS_TYPE_INET;
        if (!inet_parse(&saddr->u.inet, uri + 4, errp)) {
            return NULL;
        }
    } else if (g_str_has_prefix(uri, "unix:")) {
        addr->transport = MIGRATION_ADDRESS_TYPE_SOCKET;
        saddr->type = SOCKET_ADDRESS_TYPE_UNIX;
        rest = uri + 5;
        if (!*rest) {
            error_setg(errp, "invalid Unix socket address");
            return NULL;
        }
        saddr->u.q_unix.path = g_strdup(rest);
    } else if (g_str_has_prefix(uri, "fd:")) {
        addr->transport = MIGRATION_ADDRESS_TYPE_SOCKET;
        saddr->type = SOCKET_ADDRESS_TYPE_FD;
        rest = uri + 3;
        if (!*rest) {
            error_setg(errp, "invalid file descriptor address");
            return NULL;
        }
        saddr->u.fd.str = g_strdup(rest);
    } else {
        error_setg(errp, "unknown migration protocol: %s", uri);
        return NULL;
    }
    return g_steal_pointer(&addr);
}

MigrationAddress *migration_target_parse(const char *uri,
                                         const MigrationChannelList *channels,
                                         bool incoming, Error **errp)
{
    const MigrationAddress *addr;

    if (!uri == !channels) {
        error_setg(errp, "need either 'uri' or 'channels' argument");
        return NULL;
    }
    if (uri) {
        return migration_uri_parse(uri, errp);
    }
    /* "main" is the only type there is. */
    if (channels->next) {
        error_setg(errp, incoming
                   ? "Channel list must have only one entry, for type 'main'"
                   : "Channel list has more than one main entry");
        return NULL;
    }
    addr = channels->value->addr;
    if (addr->transport == MIGRATION_ADDRESS_TYPE_EXEC &&
        (!addr->u.exec.args || !*addr->u.exec.args->value)) {
        error_setg(errp, "Parameter 'args' expects a program to run");
        return NULL;
    }
    if (addr->transport == MIGRATION_ADDRESS_TYPE_FILE &&
        addr->u.file.offset > INT64_MAX) {
        error_setg(errp, "Parameter 'offset' expects a file offset");
        return NULL;
    }
    return qapi_MigrationAddress_clone(addr);
}

char *migration_socket_uri(const SocketAddress *addr)
{
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET: {
        const InetSocketAddress *inet = &addr->u.inet;
        bool v6 = strchr(inet->host, ':');

        return g_strdup_printf("tcp:%s%s%s:%s", v6 ? "[" : "", inet->host,
                               v6 ? "]" : "", inet->port);
    }
    case SOCKET_ADDRESS_TYPE_UNIX:
        return g_strdup_printf("unix:%s", addr->u.q_unix.path);
    case SOCKET_ADDRESS_TYPE_FD:
        return g_strdup_printf("fd:%s", addr->u.fd.str);
    default:
        return g_strdup("unknown address type");
    }
}

bool migration_address_is_bidirectional(const MigrationAddress *addr)
{
    return addr->transport != MIGRATION_ADDRESS_TYPE_FILE;
}
