/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls-creds-psk: keys that both ends know, from the file keys.psk with lines
 * "user:hex digits".  The file is read once: what a server does later does not
 * depend on what becomes of the file.
 */
#include "qemu/osdep.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "io/tls-creds-int.h"

#define DEFAULT_USERNAME "qemu"

typedef struct TLSCredsPsk {
    TLSCreds parent_instance;
    char *username; /* NULL: the default */
    GHashTable *keys; /* user name → GBytes */
    gnutls_psk_client_credentials_t client;
    gnutls_psk_server_credentials_t server;
    gnutls_dh_params_t dh;
} TLSCredsPsk;
typedef TLSCredsClass TLSCredsPskClass;

G_DEFINE_FINAL_TYPE(TLSCredsPsk, tls_creds_psk, TLS_CREDS_TYPE)

enum { PROP_USERNAME = 1 };

static void psk_set_property(GObject *obj, guint id, const GValue *value,
                             GParamSpec *spec)
{
    TLSCredsPsk *p = (TLSCredsPsk *)obj;

    g_free(p->username);
    p->username = g_value_dup_string(value);
}

static void psk_get_property(GObject *obj, guint id, GValue *value,
                             GParamSpec *spec)
{
    g_value_set_string(value, ((TLSCredsPsk *)obj)->username);
}

/* Bytes of the hex digits @hex, NULL if they are none. */
static GBytes *parse_key(const char *hex)
{
    size_t len = strlen(hex);
    GByteArray *bytes;

    if (len == 0 || len % 2 || strspn(hex, "0123456789abcdefABCDEF") != len) {
        return NULL;
    }
    bytes = g_byte_array_sized_new(len / 2);
    for (size_t i = 0; i < len; i += 2) {
        uint8_t byte = g_ascii_xdigit_value(hex[i]) << 4 |
                       g_ascii_xdigit_value(hex[i + 1]);

        g_byte_array_append(bytes, &byte, 1);
    }
    return g_byte_array_free_to_bytes(bytes);
}

/* One line of the file; changes @line. */
static bool parse_line(TLSCredsPsk *p, const char *path, int number,
                       char *line, Error **errp)
{
    char *colon;
    GBytes *key;

    g_strchomp(line);
    if (*line == '\0' || *line == '#') {
        return true;
    }
    colon = strrchr(line, ':');
    if (!colon || colon == line) {
        error_setg(errp, "%s, line %d: not of the form 'user:key'", path,
                   number);
        return false;
    }
    *colon = '\0';
    key = parse_key(colon + 1);
    if (!key) {
        error_setg(errp, "%s, line %d: the key of user '%s' is not an even "
                         "number of hex digits", path, number, line);
        return false;
    }
    g_hash_table_insert(p->keys, g_strdup(line), key);
    return true;
}

static bool read_keys(TLSCredsPsk *p, char **path, Error **errp)
{
    Error *err = NULL;
    char *text;
    char **lines;
    size_t len;
    bool ok;

    *path = tls_creds_path(TLS_CREDS(p), "keys.psk", false, &ok, errp);
    if (!*path) {
        return false;
    }
    if (!g_file_get_contents(*path, &text, &len, &err)) {
        error_propagate(errp, err);
        error_prepend(errp, "Unable to read keys: ");
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i] && ok; i++) {
        ok = parse_line(p, *path, i + 1, lines[i], errp);
        explicit_bzero(lines[i], strlen(lines[i]));
    }
    explicit_bzero(text, len);
    g_strfreev(lines);
    g_free(text);
    return ok;
}

/*
 * GnuTLS asks for the key of a client that calls itself @username.  Strangers
 * get a key that nobody has: they fail as those with a wrong key do, and learn
 * no names.
 */
static int find_key(gnutls_session_t session, const char *username,
                    gnutls_datum_t *key)
{
    TLSCredsPsk *p = (TLSCredsPsk *)tls_session_creds_of(session);
    GBytes *found = g_hash_table_lookup(p->keys, username);
    size_t len = found ? g_bytes_get_size(found) : 32;

    key->data = gnutls_malloc(len);
    key->size = len;
    if (!key->data) {
        return -1;
    }
    if (found) {
        memcpy(key->data, g_bytes_get_data(found, NULL), len);
        return 0;
    }
    return gnutls_rnd(GNUTLS_RND_RANDOM, key->data, len) < 0 ? -1 : 0;
}

static int setup_server(TLSCredsPsk *p)
{
    int ret = gnutls_psk_allocate_server_credentials(&p->server);

    if (ret < 0) {
        return ret;
    }
    gnutls_psk_set_server_credentials_function(p->server, find_key);
    if (p->dh) {
        gnutls_psk_set_server_dh_params(p->server, p->dh);
        return 0;
    }
    return gnutls_psk_set_server_known_dh_params(p->server,
                                                 GNUTLS_SEC_PARAM_MEDIUM);
}

static int setup_client(TLSCredsPsk *p, const char *username, GBytes *key)
{
    gnutls_datum_t datum = { (void *)g_bytes_get_data(key, NULL),
                             g_bytes_get_size(key) };
    int ret = gnutls_psk_allocate_client_credentials(&p->client);

    return ret < 0 ? ret
                   : gnutls_psk_set_client_credentials(p->client, username,
                                                       &datum,
                                                       GNUTLS_PSK_KEY_RAW);
}

static bool psk_load(TLSCreds *creds, Error **errp)
{
    TLSCredsPsk *p = (TLSCredsPsk *)creds;
    const char *username = p->username ? p->username : DEFAULT_USERNAME;
    bool server = tls_creds_is_server(creds);
    g_autofree char *path = NULL;
    GBytes *key;
    int ret;

    if (server && p->username) {
        error_setg(errp, "username should not be set when endpoint=server");
        return false;
    }
    if (!read_keys(p, &path, errp)) {
        return false;
    }
    if (server) {
        if (!tls_creds_load_dh(creds, &p->dh, errp)) {
            return false;
        }
        ret = setup_server(p);
    } else {
        key = g_hash_table_lookup(p->keys, username);
        if (!key) {
            error_setg(errp, "Username '%s' not found in %s", username, path);
            return false;
        }
        ret = setup_client(p, username, key);
    }
    if (ret < 0) {
        error_setg(errp, "Unable to set up TLS credentials from %s: %s", path,
                   gnutls_strerror(ret));
    }
    return ret == 0;
}

static bool psk_attach(TLSCreds *creds, gnutls_session_t session, Error **errp)
{
    TLSCredsPsk *p = (TLSCredsPsk *)creds;
    int ret = gnutls_credentials_set(session, GNUTLS_CRD_PSK,
                                     p->server ? (void *)p->server
                                               : (void *)p->client);

    if (ret < 0) {
        error_setg(errp, "Cannot use TLS pre-shared keys: %s",
                   gnutls_strerror(ret));
    }
    return ret == 0;
}

static void free_key(gpointer key)
{
    g_bytes_unref(key);
}

static void tls_creds_psk_finalize(GObject *obj)
{
    TLSCredsPsk *p = (TLSCredsPsk *)obj;

    g_free(p->username);
    g_hash_table_unref(p->keys);
    g_clear_pointer(&p->client, gnutls_psk_free_client_credentials);
    g_clear_pointer(&p->server, gnutls_psk_free_server_credentials);
    g_clear_pointer(&p->dh, gnutls_dh_params_deinit);
    G_OBJECT_CLASS(tls_creds_psk_parent_class)->finalize(obj);
}

static void tls_creds_psk_class_init(TLSCredsPskClass *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    oc->set_property = psk_set_property;
    oc->get_property = psk_get_property;
    oc->finalize = tls_creds_psk_finalize;
    klass->load = psk_load;
    klass->attach = psk_attach;
    klass->has_keys = true;
    klass->priority_suffix = ":+ECDHE-PSK:+DHE-PSK:+PSK";
    g_object_class_install_property(oc, PROP_USERNAME,
        g_param_spec_string("username", "username",
                            "whose key a client takes (default: qemu)", NULL,
                            G_PARAM_READWRITE));
}

static void tls_creds_psk_init(TLSCredsPsk *p)
{
    p->keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_key);
}
