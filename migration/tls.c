/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/tls.h"

#include "trace/trace-migration.h"

struct MigrationTLS {
    TLSCreds *creds;
    char *hostname; /* "": not known */
};

bool migration_tls_wanted(const MigrationOptions *o)
{
    return *o->tls_creds;
}

/* ---- source ---- */

/* Whom the certificate has to be for. */
static const char *tls_hostname(const MigrationOptions *o,
                                const MigrationAddress *addr)
{
    if (*o->tls_hostname) {
        return o->tls_hostname;
    }
    if (addr->transport == MIGRATION_ADDRESS_TYPE_SOCKET &&
        addr->u.socket.type == SOCKET_ADDRESS_TYPE_INET) {
        return addr->u.socket.u.inet.host;
    }
    return "";
}

bool migration_tls_new(Machine *m, const MigrationOptions *o,
                       const MigrationAddress *addr, MigrationTLS **tls,
                       Error **errp)
{
    TLSCreds *creds;

    *tls = NULL;
    if (!migration_tls_wanted(o)) {
        return true;
    }
    creds = tls_creds_find(machine_get_objects(m), o->tls_creds,
                           Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT, errp);
    if (!creds) {
        return false;
    }
    *tls = g_rc_box_new0(MigrationTLS);
    (*tls)->creds = g_object_ref(creds);
    (*tls)->hostname = g_strdup(tls_hostname(o, addr));
    return true;
}

MigrationTLS *migration_tls_ref(MigrationTLS *tls)
{
    return tls ? g_rc_box_acquire(tls) : NULL;
}

static void tls_clear(gpointer data)
{
    MigrationTLS *tls = data;

    g_object_unref(tls->creds);
    g_free(tls->hostname);
}

void migration_tls_unref(MigrationTLS *tls)
{
    if (tls) {
        g_rc_box_release_full(tls, tls_clear);
    }
}

/* @tioc: takes the reference, the task has one of its own. */
static void tls_handshake(QIOChannelTLS *tioc, QIOChannel *ioc,
                          const char *thread_name, QIOTaskFunc fn,
                          void *opaque)
{
    qio_channel_tls_set_thread_name(tioc, thread_name);
    trace_migration_tls_handshake_start(
        thread_name, qio_channel_get_name(ioc));
    qio_channel_set_name(QIO_CHANNEL(tioc), qio_channel_get_name(ioc));
    migration_tls_expect_bye(QIO_CHANNEL(tioc), false);
    qio_channel_tls_handshake(tioc, fn, opaque, NULL, NULL);
    g_object_unref(tioc);
}

bool migration_tls_client_start(MigrationTLS *tls, QIOChannel *ioc,
                                QIOTaskFunc fn, void *opaque, Error **errp)
{
    QIOChannelTLS *tioc = qio_channel_tls_new_client(ioc, tls->creds,
                                                     tls->hostname, errp);

    if (!tioc) {
        return false;
    }
    tls_handshake(tioc, ioc, "mig/src/tls", fn, opaque);
    return true;
}

/* ---- destination ---- */

QIOChannelTLS *migration_tls_server_start(Machine *m,
                                          const MigrationOptions *o,
                                          QIOChannel *ioc, QIOTaskFunc fn,
                                          void *opaque, Error **errp)
{
    ObjectContainer *objects = machine_get_objects(m);
    TLSCreds *creds = tls_creds_find(objects, o->tls_creds,
                                     Q_CRYPTO_TLS_CREDS_ENDPOINT_SERVER, errp);
    QIOChannelTLS *tioc;
    Authz *authz = NULL;

    if (!creds) {
        return NULL;
    }
    if (*o->tls_authz) {
        authz = authz_find(objects, o->tls_authz, errp);
        if (!authz) {
            return NULL;
        }
    }
    tioc = qio_channel_tls_new_server(ioc, creds, authz, errp);
    if (tioc) {
        tls_handshake(tioc, ioc, "mig/dst/tls", fn, opaque);
    }
    return tioc;
}

/* ---- end of a connection ---- */

void migration_tls_expect_bye(QIOChannel *ioc, bool expect)
{
    if (QIO_IS_CHANNEL_TLS(ioc)) {
        qio_channel_tls_set_relaxed_eof(QIO_CHANNEL_TLS(ioc), !expect);
    }
}

void migration_tls_bye(QIOChannel *ioc)
{
    if (QIO_IS_CHANNEL_TLS(ioc)) {
        qio_channel_tls_bye(QIO_CHANNEL_TLS(ioc), NULL);
    }
}
