# SPDX-License-Identifier: GPL-2.0-or-later
"""Where our answers to the calls of parity_cases.py differ from those of stock
QEMU, and why.  Where its versions differ, ours follows the newest."""

import fnmatch

TRIMMED = "this program has fewer devices, types and features"
OWN = "a command of this program only, or of newer versions of QEMU"

# (command, difference, why); the difference is a shell pattern: "-NAME": ours
# lacks this member, "+NAME": it has one more, "error TEXT": it fails with this
# text, "no error": it does not fail.
ALWAYS = [
    ("query-machines", "-*.alias", TRIMMED),
    ("query-machines", "-*.default-cpu-type", TRIMMED),
    ("query-machines", "-*.is-default", "no machine is the default"),
    ("query-qmp-schema", "-*.features", TRIMMED),
    ("query-accelerators", "no error", OWN),
    ("query-accelerators", "error Parameter 'x-extra' *", OWN),
    ("query-events", "no error", "kept for clients older than the schema"),
    ("query-events", "error Parameter 'x-extra' *", "the same"),
    ("query-migrate", "+x-report", "our own, as its name says"),
    ("qom-list-types", "+*.abstract", "stock QEMU leaves abstract types out "
     "when it is asked for those that can be made, ours tells which are"),
    ("qom-list-properties", "+*.description", "all properties are described"),
    ("qom-list", "+*.description", "all properties are described"),
    ("object-add", "error Missing 'dir' property value: no place *",
     "says what was looked for"),
    ("qom-set", "error cannot change property 'size' of memory-backend-ram",
     "quoted, without a blank at its end"),
    *(("query-migrate-parameters", f"-{name}", TRIMMED) for name in (
        "announce-initial", "announce-max", "announce-rounds",
        "announce-step", "cpu-throttle-increment", "cpu-throttle-initial",
        "cpu-throttle-tailslow", "max-cpu-throttle",
        "max-postcopy-bandwidth", "throttle-trigger-threshold",
        "x-checkpoint-delay", "xbzrle-cache-size")),
]

# By the version that was recorded.
OLDER = "stock QEMU has dropped it since"
NEWER = "as newer versions of stock QEMU"
CHECKED = "stock QEMU checks it since"
BY_VERSION = {
    "7.2": [
        ("query-status", "-singlestep", OLDER),
        ("trace-event-get-state", "-*.vcpu", OLDER),
        ("query-machines", "+*.acpi", NEWER),
        ("query-hotpluggable-cpus", "error machine does not support *",
         NEWER),
        ("inject-nmi", "error machine does not provide NMIs", NEWER),
        ("memsave", "error Parameter '*' expects uint64", NEWER),
        ("pmemsave", "error Parameter '*' expects uint64", NEWER),
        ("migrate-set-parameters",
         "error Parameter 'multifd_zlib_level' expects *", CHECKED),
        ("migrate-set-parameters",
         "error Parameter 'multifd_zstd_level' expects *", CHECKED),
        ("migrate-incoming", "error '-incoming' was not specified *",
         "one of uri and channels is wanted: " + NEWER),
        ("migrate", "error need either 'uri' or 'channels' argument", NEWER),
        ("migrate", "error unknown migration protocol: *", NEWER),
        ("migrate", "error Invalid parameter type for 'detach', *",
         "uri may be missing: " + NEWER),
        *(("query-migrate-parameters", f"+{name}", NEWER) for name in (
            "avail-switchover-bandwidth", "mode", "zero-page-detection")),
        *(("query-migrate-parameters", f"-{name}", OLDER) for name in (
            "block-incremental", "compress-level", "compress-threads",
            "compress-wait-thread", "decompress-threads")),
    ],
    "10.0": [
        *(("query-migrate-parameters", f"-{name}", TRIMMED) for name in (
            "direct-io", "multifd-qatzip-level", "vcpu-dirty-limit",
            "x-vcpu-dirty-limit-period")),
    ],
}

# Those that depend on the libraries that were there when ours was built.
MAY_BE_UNUSED = {
    ("object-add", "error Missing 'dir' property value: no place *"),
    ("query-qmp-schema", "-*.features"),
}


def deviations(version):
    """All entries for a recording of this version, "MAJOR.MINOR.MICRO"."""
    return ALWAYS + BY_VERSION[version.rsplit(".", 1)[0]]


def excuse(entries, command, difference):
    """The entry that allows it, or None."""
    for entry in entries:
        if (command == entry[0]
                and fnmatch.fnmatchcase(difference,
                                        entry[1].replace("[", "[[]"))):
            return entry
    return None
