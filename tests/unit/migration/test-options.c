/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The option table, addresses and the rate limiter: tables in, tables out. */
#include "qemu/osdep.h"

#include "config-host.h"
#include "migration/limiter.h"
#include "migration/options.h"
#include "migration/uri.h"
#include "qemu/atomic.h"

/* ---- options ---- */

#define TEXT_17 "some-text-of-17-b"
#define TEXT_51 TEXT_17 TEXT_17 TEXT_17
#define TEXT_255 TEXT_51 TEXT_51 TEXT_51 TEXT_51 TEXT_51

static const struct {
    MigOptionKind kind;
    const char *name, *text;
    bool hmp;
    const char *value; /* as HMP shows it, NULL: refused with */
    const char *error;
} settings[] = {
    { MIG_OPTION_PARAMETER, "max-bandwidth", "10", true,
      "10485760 bytes/second", NULL },
    { MIG_OPTION_PARAMETER, "max-bandwidth", "10", false,
      "10 bytes/second", NULL },
    { MIG_OPTION_PARAMETER, "max-bandwidth", "1.5G", true,
      "1610612736 bytes/second", NULL },
    { MIG_OPTION_PARAMETER, "max-bandwidth", "1z", true, NULL,
      "Invalid size 1z" },
    { MIG_OPTION_PARAMETER, "max-bandwidth", "0", true, "0 bytes/second",
      NULL },
    { MIG_OPTION_PARAMETER, "downtime-limit", "2k", true, "2048 ms", NULL },
    { MIG_OPTION_PARAMETER, "downtime-limit", "2000000", true, "2000000 ms",
      NULL },
    { MIG_OPTION_PARAMETER, "downtime-limit", "2000001", true, NULL,
      "Parameter 'downtime_limit' expects an integer in the range of 0 to "
      "(2000 * 1000) ms" },
    { MIG_OPTION_PARAMETER, "downtime-limit", "soon", true, NULL,
      "Parameter 'downtime-limit' expects a non-negative number below 2^64" },
    { MIG_OPTION_PARAMETER, "zero-page-detection", "none", true, "none",
      NULL },
    { MIG_OPTION_PARAMETER, "zero-page-detection", "some", true, NULL,
      "Parameter 'zero-page-detection' does not accept value 'some'" },
    { MIG_OPTION_PARAMETER, "mode", "normal", true, "normal", NULL },
    { MIG_OPTION_CAPABILITY, "events", "on", false, "on", NULL },
    { MIG_OPTION_CAPABILITY, "events", "maybe", false, NULL,
      "Parameter 'events' expects 'on' or 'off'" },
    { MIG_OPTION_CAPABILITY, "multifd", "on", false, "on", NULL },
    { MIG_OPTION_PARAMETER, "multifd-channels", "255", true, "255", NULL },
    { MIG_OPTION_PARAMETER, "multifd-channels", "256", true, NULL,
      "Parameter 'multifd-channels' expects uint8_t" },
    { MIG_OPTION_PARAMETER, "multifd-channels", "few", false, NULL,
      "Parameter 'multifd-channels' expects uint64" },
    { MIG_OPTION_PARAMETER, "downtime-limit", "-1", true, NULL,
      "Value '-1' is out of range for parameter 'downtime-limit'" },
    { MIG_OPTION_PARAMETER, "multifd-channels", "0", false, NULL,
      "Parameter 'multifd_channels' expects a value between 1 and 255" },
#if CONFIG_ZLIB
    { MIG_OPTION_PARAMETER, "multifd-compression", "zlib", true, "zlib",
      NULL },
#else
    { MIG_OPTION_PARAMETER, "multifd-compression", "zlib", true, NULL,
      "Parameter 'multifd-compression' does not accept value 'zlib'" },
#endif
    { MIG_OPTION_PARAMETER, "multifd-compression", "lzma", true, NULL,
      "Parameter 'multifd-compression' does not accept value 'lzma'" },
    { MIG_OPTION_PARAMETER, "multifd-zlib-level", "10", true, NULL,
      "Parameter 'multifd_zlib_level' expects a value between 0 and 9" },
    { MIG_OPTION_PARAMETER, "multifd-zstd-level", "21", true, NULL,
      "Parameter 'multifd_zstd_level' expects a value between 0 and 20" },
    { MIG_OPTION_STREAM, "multifd-flush-after-each-section", "on", false,
      "on", NULL },
    { MIG_OPTION_PARAMETER, "tls-creds", "tls0", true, "'tls0'", NULL },
    { MIG_OPTION_PARAMETER, "tls-hostname", "", true, "''", NULL },
    { MIG_OPTION_PARAMETER, "tls-authz", TEXT_255, false, "'" TEXT_255 "'",
      NULL },
    { MIG_OPTION_PARAMETER, "tls-authz", TEXT_255 "x", false, NULL,
      "Parameter 'tls-authz' expects at most 255 bytes" },
    { MIG_OPTION_STREAM, "multifd-clean-tls-termination", "off", false,
      "off", NULL },
    { MIG_OPTION_STREAM, "send-section-footer", "off", false, "off", NULL },
};

static void test_set_text(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        const MigOption *opt = migration_option_find(settings[i].kind,
                                                     settings[i].name);
        g_autoptr(Error) err = NULL;
        g_autofree char *text = NULL;
        MigrationOptions o, before;
        bool ok;

        migration_options_init(&o);
        before = o;
        g_assert_nonnull(opt);
        ok = migration_option_set_text(&o, opt, settings[i].text,
                                       settings[i].hmp, &err);
        if (settings[i].value) {
            g_assert_no_error(err);
            text = migration_option_get_text(&o, opt);
            g_assert_cmpstr(text, ==, settings[i].value);
        } else {
            g_assert_false(ok);
            g_assert_cmpstr(error_get_pretty(err), ==, settings[i].error);
            g_assert_cmpmem(&o, sizeof(o), &before, sizeof(before));
        }
    }
}

static void test_defaults(void)
{
    MigrationOptions o;
    const MigOption *opt;
    size_t n, caps = 0;

    migration_options_init(&o);
    g_assert_cmpuint(o.max_bandwidth, ==, 128 * MiB);
    g_assert_cmpuint(o.downtime_limit, ==, 300);
    g_assert_true(o.send_configuration);
    opt = migration_options_table(&n);
    for (size_t i = 0; i < n; i++) {
        g_autofree char *text = migration_option_get_text(&o, &opt[i]);

        g_assert_nonnull(text);
        g_assert_nonnull(opt[i].help);
        g_assert_true(migration_option_find(opt[i].kind, opt[i].name) ==
                      &opt[i]);
        if (opt[i].kind == MIG_OPTION_CAPABILITY) {
            /* In the order of the enum, all of them. */
            g_assert_cmpstr(opt[i].name, ==, MigrationCapability_str(caps++));
            g_assert_cmpstr(text, ==, "off");
        }
    }
    g_assert_cmpuint(caps, ==, MIGRATION_CAPABILITY__MAX);
}

static void test_globals(void)
{
    g_autoptr(Error) err = NULL;
    MigrationOptions o;

    migration_options_init(&o);
    g_assert_true(migration_options_set_global(&o, "x-events", "on", &err));
    g_assert_true(o.caps[MIGRATION_CAPABILITY_EVENTS]);
    g_assert_true(migration_options_set_global(&o, "x-max-bandwidth", "3M",
                                               &err));
    g_assert_cmpuint(o.max_bandwidth, ==, 3 * MiB);
    g_assert_false(migration_options_set_global(&o, "x-colo", "on", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "can't apply global migration.x-colo=on: "
                    "Property 'migration.x-colo' not found");
    g_clear_error(&err);
    g_assert_false(migration_options_set_global(&o, "x-events", "maybe",
                                                &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "can't apply global migration.x-events=maybe: "
                    "Parameter 'x-events' expects 'on' or 'off'");
    g_clear_error(&err);
    g_assert_false(migration_options_set_global(&o, "multifd-channels", "0",
                                                &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Parameter 'multifd_channels' "
                    "expects a value between 1 and 255");
    g_clear_error(&err);
    o.caps[MIGRATION_CAPABILITY_VALIDATE_UUID] = true;
    g_assert_true(migration_options_check(&o, &err));
    o.send_configuration = false;
    g_assert_false(migration_options_check(&o, &err));
    g_assert_nonnull(err);
}

static void test_live(void)
{
    MigrationOptions set, run;

    migration_options_init(&set);
    run = set;
    set.max_bandwidth = 1;
    set.downtime_limit = 2;
    set.zero_page_detection = ZERO_PAGE_DETECTION_NONE;
    migration_options_copy_live(&run, &set);
    g_assert_cmpuint(run.max_bandwidth, ==, 1);
    g_assert_cmpuint(run.downtime_limit, ==, 2);
    g_assert_cmpuint(run.zero_page_detection, ==,
                     ZERO_PAGE_DETECTION_MULTIFD);
}

/* ---- addresses ---- */

static const struct {
    const char *uri;
    const char *json; /* NULL: refused with */
    const char *error;
} uris[] = {
    { "tcp:localhost:4444", "{\"host\":\"localhost\",\"port\":\"4444\","
      "\"transport\":\"socket\",\"type\":\"inet\"}", NULL },
    { "tcp::0", "{\"host\":\"\",\"port\":\"0\",\"transport\":\"socket\","
      "\"type\":\"inet\"}", NULL },
    { "tcp:[::1]:4444,to=4450,ipv6=on,ipv4=off", "{\"host\":\"::1\","
      "\"ipv4\":false,\"ipv6\":true,\"port\":\"4444\",\"to\":4450,"
      "\"transport\":\"socket\",\"type\":\"inet\"}", NULL },
    { "tcp:h:1,foo=bar", "{\"host\":\"h\",\"port\":\"1\","
      "\"transport\":\"socket\",\"type\":\"inet\"}", NULL },
    { "tcp:a", NULL, "error parsing address 'a'" },
    { "tcp:", NULL, "error parsing address ''" },
    { "tcp:h:", NULL, "error parsing address 'h:'" },
    { "tcp:[::1:5", NULL, "error parsing IPv6 address '[::1:5'" },
    { "tcp:1:2:3", NULL, "trailing characters in address '1:2:3'" },
    { "unix:/tmp/a,b", "{\"path\":\"/tmp/a,b\",\"transport\":\"socket\","
      "\"type\":\"unix\"}", NULL },
    { "unix:", NULL, "invalid Unix socket address" },
    { "fd:mig", "{\"str\":\"mig\",\"transport\":\"socket\",\"type\":\"fd\"}",
      NULL },
    { "fd:", NULL, "invalid file descriptor address" },
    { "exec:cat >x", "{\"args\":[\"/bin/sh\",\"-c\",\"cat >x\"],"
      "\"transport\":\"exec\"}", NULL },
    { "file:/a", "{\"filename\":\"/a\",\"offset\":0,\"transport\":\"file\"}",
      NULL },
    { "file:/a,b,offset=1M", "{\"filename\":\"/a,b\",\"offset\":1048576,"
      "\"transport\":\"file\"}", NULL },
    { "file:/a,offset=0x1B", "{\"filename\":\"/a\",\"offset\":27,"
      "\"transport\":\"file\"}", NULL },
    { "file:a,ofset=1", "{\"filename\":\"a,ofset=1\",\"offset\":0,"
      "\"transport\":\"file\"}", NULL },
    { "file:a,offset=0x20M", NULL,
      "file URI has bad offset 0x20M: Invalid argument" },
    { "file:a,offset=-1", NULL,
      "file URI has bad offset -1: Numerical result out of range" },
    { "file:a,offset=", NULL, "file URI has bad offset : Invalid argument" },
    { "foo:bar", NULL, "unknown migration protocol: foo:bar" },
    { "", NULL, "unknown migration protocol: " },
};

/* Members sorted by name, one level deep is enough here. */
static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(a, b);
}

static char *sorted_json(json_object *obj)
{
    GList *names = NULL;
    GString *out = g_string_new("{");

    json_object_object_foreach(obj, key, val)
    {
        (void)val;
        names = g_list_insert_sorted(names, key, by_name);
    }
    for (GList *l = names; l; l = l->next) {
        json_object *v = json_object_object_get(obj, l->data);

        g_string_append_printf(
            out, "%s\"%s\":%s", out->len > 1 ? "," : "", (char *)l->data,
            json_object_to_json_string_ext(
                v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    }
    g_list_free(names);
    g_string_append(out, "}");
    return g_string_free(out, false);
}

static void test_uris(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_autoptr(Error) err = NULL;
        g_autoptr(MigrationAddress) addr = migration_uri_parse(uris[i].uri,
                                                               &err);

        if (uris[i].json) {
            json_object *obj;
            g_autofree char *text = NULL;

            g_assert_no_error(err);
            obj = qapi_MigrationAddress_to_json(addr);
            text = sorted_json(obj);
            g_assert_cmpstr(text, ==, uris[i].json);
            json_object_put(obj);
        } else {
            g_assert_null(addr);
            g_assert_cmpstr(error_get_pretty(err), ==, uris[i].error);
        }
    }
}

static void test_targets(void)
{
    MigrationAddress file = { .transport = MIGRATION_ADDRESS_TYPE_FILE };
    MigrationChannel channel = { .addr = &file };
    MigrationChannelList one = { .value = &channel };
    MigrationChannelList two = { .value = &channel, .next = &one };
    MigrationAddress *addr;
    Error *err = NULL;

    file.u.file.filename = (char *)"/x";
    addr = migration_target_parse(NULL, &one, false, &err);
    g_assert_no_error(err);
    g_assert_cmpstr(addr->u.file.filename, ==, "/x");
    qapi_free_MigrationAddress(addr);
    g_assert_null(migration_target_parse(NULL, NULL, false, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "need either 'uri' or 'channels' argument");
    g_clear_error(&err);
    g_assert_null(migration_target_parse("file:/x", &one, false, &err));
    g_clear_error(&err);
    g_assert_null(migration_target_parse(NULL, &two, false, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Channel list has more than one main entry");
    g_clear_error(&err);
    g_assert_null(migration_target_parse(NULL, &two, true, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Channel list must have only one entry, for type 'main'");
    g_clear_error(&err);
}

/* ---- rate limiter, on a clock of its own ---- */

static void test_limiter_rate(void)
{
    static const uint64_t rates[] = { 1, 4096, 100000, 3000000, 128 * MiB,
                                      UINT64_C(10) * GiB };

    for (size_t i = 0; i < G_N_ELEMENTS(rates); i++) {
        uint64_t rate = rates[i], sent = 0;
        int64_t now = 1234, end = now + 20 * NSEC_PER_SEC;
        RateLimiter l;

        rate_limiter_init(&l, &rate, now, 0);
        while (now < end) {
            uint64_t budget = rate_limiter_budget(&l, now, sent);
            int64_t wait;

            if (budget) {
                /* Whole pages: the last one may be too much. */
                sent += ROUND_UP(MIN(budget, 64 * 4104), 4104);
            }
            wait = rate_limiter_wait_ns(&l, now, sent);
            g_assert_cmpint(wait, <=, RATE_LIMITER_WINDOW_NS);
            now += MAX(wait, 1000);
        }
        g_assert_cmpuint(sent, <=, rate * 20 + rate / 10 + 2 * 4104 + 4608);
        if (rate >= 100000 && rate < GiB) {
            g_assert_cmpuint(sent, >=, rate * 20 * 95 / 100);
        }
    }
}

static void test_limiter_unlimited(void)
{
    uint64_t rate = 0;
    RateLimiter l;

    rate_limiter_init(&l, &rate, 0, 0);
    g_assert_cmpuint(rate_limiter_budget(&l, 1, GiB), ==, UINT64_MAX);
    g_assert_cmpint(rate_limiter_wait_ns(&l, 2, 2 * GiB), ==, 0);
    /* A limit that is set later knows nothing of what went before. */
    rate = 10 * MiB;
    g_assert_cmpuint(rate_limiter_budget(&l, 3, 2 * GiB), >, 0);
    /* A huge value is as good as none, and overflows nothing. */
    rate = UINT64_MAX;
    g_assert_cmpuint(rate_limiter_budget(&l, INT64_MAX, UINT64_MAX), ==,
                     UINT64_MAX);
}

/* A debt has to be waited for, and is forgiven by time only. */
static void test_limiter_debt(void)
{
    uint64_t rate = 1000000;
    RateLimiter l;
    int64_t now = 0, wait;

    rate_limiter_init(&l, &rate, now, 0);
    g_assert_cmpuint(rate_limiter_budget(&l, now, 1100000), ==, 0);
    for (;;) {
        wait = rate_limiter_wait_ns(&l, now, 1100000);
        if (!wait) {
            break;
        }
        now += wait;
    }
    /* 1.1 MB less the bucket of 0.1 MB, at 1 MB/s. */
    g_assert_cmpint(now, >=, NSEC_PER_SEC);
    g_assert_cmpint(now, <=, NSEC_PER_SEC + 20 * NSEC_PER_MSEC);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/set-text", test_set_text);
    g_test_add_func("/options/defaults", test_defaults);
    g_test_add_func("/options/globals", test_globals);
    g_test_add_func("/options/live", test_live);
    g_test_add_func("/uri/parse", test_uris);
    g_test_add_func("/uri/target", test_targets);
    g_test_add_func("/limiter/rate", test_limiter_rate);
    g_test_add_func("/limiter/unlimited", test_limiter_unlimited);
    g_test_add_func("/limiter/debt", test_limiter_debt);
    return g_test_run();
}
