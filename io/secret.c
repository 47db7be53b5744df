/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user-creatable object "secret". */
#include "qemu/osdep.h"

#include "io/secret-crypt.h"
#include "io/secret.h"
#include "qapi/qapi-types-objects.h"
#include "qemu/fdset.h"

#define SECRET_TYPE (secret_get_type())
G_DECLARE_FINAL_TYPE(Secret, secret, IO, SECRET, GObject)
struct _Secret {
    GObject parent_instance;
    char *data;
    char *file;
    int format;
    char *keyid;
    char *iv;
    GBytes *bytes; /* the secret, once complete */
};

static void secret_user_creatable(UserCreatableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(
    Secret, secret, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE(USER_CREATABLE_TYPE, secret_user_creatable))

enum { PROP_DATA = 1, PROP_FILE, PROP_FORMAT, PROP_KEYID, PROP_IV };

static GType secret_format_get_type(void)
{
    static GType type;
    /* value_name is what qom-get shows. */
    static const GEnumValue values[] = {
        { Q_CRYPTO_SECRET_FORMAT_RAW, "raw", "raw" },
        { Q_CRYPTO_SECRET_FORMAT_BASE64, "base64", "base64" },
        { 0, NULL, NULL },
    };

    if (g_once_init_enter(&type)) {
        g_once_init_leave(
            &type, g_enum_register_static("QCryptoSecretFormat", values));
    }
    return type;
}

/* The field of a string property. */
static char **secret_string(Secret *s, guint id)
{
    switch (id) {
    case PROP_DATA:
        return &s->data;
    case PROP_FILE:
        return &s->file;
    case PROP_KEYID:
        return &s->keyid;
    default:
        return &s->iv;
    }
}

static void secret_set_property(GObject *obj, guint id, const GValue *value,
                                GParamSpec *spec)
{
    Secret *s = IO_SECRET(obj);

    if (id == PROP_FORMAT) {
        s->format = g_value_get_enum(value);
    } else {
        g_free(*secret_string(s, id));
        *secret_string(s, id) = g_value_dup_string(value);
    }
}

static void secret_get_property(GObject *obj, guint id, GValue *value,
                                GParamSpec *spec)
{
    Secret *s = IO_SECRET(obj);

    if (id == PROP_FORMAT) {
        g_value_set_enum(value, s->format);
    } else {
        g_value_set_string(value, *secret_string(s, id));
    }
}

/* Wipe and free; what is freed may be found in core dumps. */
static void free_secret(uint8_t *bytes, size_t len)
{
    if (bytes) {
        explicit_bzero(bytes, len);
        g_free(bytes);
    }
}

/* GBytes tells its destructor no length: a terminated copy that knows it. */
typedef struct WipedBytes {
    size_t len;
    uint8_t bytes[];
} WipedBytes;

static void wiped_bytes_free(gpointer opaque)
{
    WipedBytes *w = opaque;

    free_secret((uint8_t *)w, sizeof(*w) + w->len + 1);
}

static GBytes *new_wiped_bytes(const uint8_t *bytes, size_t len)
{
    WipedBytes *w = g_malloc0(sizeof(*w) + len + 1);

    w->len = len;
    if (len) {
        memcpy(w->bytes, bytes, len);
    }
    return g_bytes_new_with_free_func(w->bytes, len, wiped_bytes_free, w);
}

/* What the user gave, as it is. */
static uint8_t *secret_load(Secret *s, size_t *len, Error **errp)
{
    Error *err = NULL;
    char *text;

    if (s->file && s->data) {
        error_setg(errp, "'file' and 'data' are mutually exclusive");
        return NULL;
    }
    if (s->data) {
        *len = strlen(s->data);
        return (uint8_t *)g_strdup(s->data);
    }
    if (!s->file) {
        error_setg(errp, "Either 'file' or 'data' must be provided");
        return NULL;
    }
    if (!qemu_read_file(s->file, &text, len, &err)) {
        error_propagate(errp, err);
        error_prepend(errp, "Unable to read %s: ", s->file);
        return NULL;
    }
    return (uint8_t *)text;
}

/* Bytes of base64 text, which may have line ends; NULL if it is none. */
static uint8_t *decode_base64(const char *what, const char *text, size_t *len,
                              Error **errp)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = text + strspn(text, "\r\n \t");
    size_t digits = 0, pad = 0;

    for (; *p; p += strspn(p, "\r\n \t")) {
        if (*p == '=') {
            pad++;
        } else if (pad == 0 && strchr(alphabet, *p)) {
            digits++;
        } else {
            break;
        }
        p++;
    }
    if (*p || pad > 2 || (digits + pad) % 4) {
        error_setg(errp, "%s is not valid base64", what);
        return NULL;
    }
    return g_base64_decode(text, len);
}

/* Decrypt @bytes, base64 text, by the secret named keyid. */
static uint8_t *secret_open(Secret *s, const char *text, size_t *len,
                            Error **errp)
{
    ObjectContainer *container = object_get_container(G_OBJECT(s));
    g_autoptr(GBytes) key = NULL;
    g_autofree uint8_t *iv = NULL;
    size_t iv_len, cipher_len = 0;
    uint8_t *bytes;

    if (!s->iv) {
        error_setg(errp, "IV is required to decrypt secret");
        return NULL;
    }
    key = secret_lookup(container, s->keyid, errp);
    if (!key) {
        return NULL;
    }
    if (g_bytes_get_size(key) != 32) {
        error_setg(errp, "Key '%s' should be 32 bytes in length, not %zu",
                   s->keyid, g_bytes_get_size(key));
        return NULL;
    }
    iv = decode_base64("IV", s->iv, &iv_len, errp);
    if (!iv) {
        return NULL;
    }
    if (iv_len != 16) {
        error_setg(errp, "IV should be 16 bytes in length, not %zu", iv_len);
        return NULL;
    }
    bytes = decode_base64("Encrypted secret", text, &cipher_len, errp);
    if (bytes && !secret_decrypt(bytes, cipher_len, g_bytes_get_data(key, NULL),
                                 iv, len, errp)) {
        g_clear_pointer(&bytes, g_free);
    }
    return bytes;
}

static bool secret_complete(UserCreatable *uc, Error **errp)
{
    Secret *s = IO_SECRET(uc);
    size_t len, plain_len = 0;
    uint8_t *bytes = secret_load(s, &len, errp);
    uint8_t *plain;

    if (!bytes) {
        return false;
    }
    if (s->keyid) {
        plain = secret_open(s, (char *)bytes, &plain_len, errp);
        free_secret(bytes, len);
        if (!plain) {
            return false;
        }
        /* The format is that of what was encrypted. */
        bytes = g_realloc(plain, plain_len + 1);
        len = plain_len;
        bytes[len] = 0;
    } else if (s->iv) {
        error_setg(errp, "'iv' needs 'keyid'");
        free_secret(bytes, len);
        return false;
    }
    if (s->format == Q_CRYPTO_SECRET_FORMAT_BASE64) {
        plain = decode_base64("Secret", (char *)bytes, &plain_len, errp);
        free_secret(bytes, len);
        if (!plain) {
            return false;
        }
        bytes = plain;
        len = plain_len;
    }
    s->bytes = new_wiped_bytes(bytes, len);
    free_secret(bytes, len);
    return true;
}

static void secret_finalize(GObject *obj)
{
    Secret *s = IO_SECRET(obj);

    if (s->data) {
        free_secret((uint8_t *)s->data, strlen(s->data));
    }
    g_free(s->file);
    g_free(s->keyid);
    g_free(s->iv);
    g_clear_pointer(&s->bytes, g_bytes_unref);
    G_OBJECT_CLASS(secret_parent_class)->finalize(obj);
}

static void install_string(GObjectClass *oc, guint id, const char *name,
                           const char *blurb, GParamFlags flags)
{
    g_object_class_install_property(
        oc, id, g_param_spec_string(name, name, blurb, NULL, flags));
}

static void secret_class_init(SecretClass *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    oc->set_property = secret_set_property;
    oc->get_property = secret_get_property;
    oc->finalize = secret_finalize;
    /* Nobody needs to read it back. */
    install_string(oc, PROP_DATA, "data", "the secret", G_PARAM_WRITABLE);
    install_string(oc, PROP_FILE, "file", "file with the secret",
                   G_PARAM_READWRITE);
    install_string(oc, PROP_KEYID, "keyid", "secret to decrypt it with",
                   G_PARAM_READWRITE);
    install_string(oc, PROP_IV, "iv", "initialization vector of that",
                   G_PARAM_READWRITE);
    g_object_class_install_property(oc, PROP_FORMAT,
        g_param_spec_enum("format", "format", "how it is written down",
                          secret_format_get_type(), Q_CRYPTO_SECRET_FORMAT_RAW,
                          G_PARAM_READWRITE));
}

static void secret_init(Secret *s)
{
}

static void secret_user_creatable(UserCreatableInterface *iface)
{
    iface->complete = secret_complete;
}

GBytes *secret_lookup(ObjectContainer *container, const char *id,
                      Error **errp)
{
    GObject *obj = container ? object_container_get(container, id) : NULL;

    if (!obj) {
        error_setg(errp, "No secret with id '%s'", id);
        return NULL;
    }
    if (!IO_IS_SECRET(obj)) {
        error_setg(errp, "Object with id '%s' is not a secret", id);
        return NULL;
    }
    return g_bytes_ref(IO_SECRET(obj)->bytes);
}

char *secret_lookup_utf8(ObjectContainer *container, const char *id,
                         Error **errp)
{
    g_autoptr(GBytes) bytes = secret_lookup(container, id, errp);
    const char *text;
    gsize len;

    if (!bytes) {
        return NULL;
    }
    text = g_bytes_get_data(bytes, &len);
    /* An embedded zero byte is no valid text either. */
    if (!g_utf8_validate(text, len, NULL)) {
        error_setg(errp, "Data from secret '%s' is not valid UTF-8", id);
        return NULL;
    }
    return g_strndup(text, len);
}

void secret_register_types(void)
{
    object_type_announce("secret", NULL, SECRET_TYPE, false, true);
}
