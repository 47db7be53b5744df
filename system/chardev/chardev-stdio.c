/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chardev "stdio": the program's standard input and output.
 *
 * The descriptors stay in blocking mode: their open files are shared with the
 * shell and with other programs of a pipeline.  Instead, output is written in
 * pieces that a pipe reported as writable takes without blocking.
 */
#include "qemu/osdep.h"

#include <poll.h>
#include <termios.h>

#include "chardev-stream.h"
#include "io/channel-file.h"
#include "qemu/atomic.h"

/* POSIX: a pipe that is writable has room for this much (pipe(7)). */
#define STDIO_PIECE 4096

#define CHARDEV_TYPE_STDIO (chardev_stdio_get_type())
G_DECLARE_FINAL_TYPE(ChardevStdio, chardev_stdio, CHARDEV, STDIO,
                     ChardevStream)

struct _ChardevStdio {
    ChardevStream parent_instance;
};

G_DEFINE_FINAL_TYPE(ChardevStdio, chardev_stdio, CHARDEV_TYPE_STREAM)

/* The process has one standard input. */
static bool stdio_in_use;
static bool stdio_tty_changed;
static struct termios stdio_tty_before;

static char *stdio_get_filename(Chardev *chr)
{
    return g_strdup("stdio");
}

static ssize_t stdio_send(ChardevStream *s, QIOChannel *out,
                          const uint8_t *buf, size_t len)
{
    struct pollfd pfd = {
        .fd = qio_channel_file_get_fd(QIO_CHANNEL_FILE(out)),
        .events = POLLOUT,
    };

    if (poll(&pfd, 1, 0) <= 0) {
        return QIO_CHANNEL_ERR_BLOCK;
    }
    return qio_channel_write(out, buf, MIN(len, STDIO_PIECE), NULL);
}

/* Also at exit, whoever ends the program. */
static void stdio_restore_tty(void)
{
    if (qatomic_xchg(&stdio_tty_changed, false)) {
        tcsetattr(STDIN_FILENO, TCSANOW, &stdio_tty_before);
    }
}

/*
 * Give a terminal's keys to the front end one by one and without echo.  Output
 * processing stays on; Ctrl-C and friends are signals if @signals.
 */
static void stdio_set_tty(bool signals)
{
    static bool registered;
    struct termios tty;

    if (tcgetattr(STDIN_FILENO, &tty) < 0) {
        return; /* not a terminal */
    }
    stdio_tty_before = tty;
    tty.c_iflag &= ~(ICRNL | INLCR | IGNCR | ISTRIP | IXON);
    tty.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals) {
        tty.c_lflag &= ~ISIG;
    }
    tty.c_cc[VMIN] = 1;
    tty.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &tty);
    qatomic_set(&stdio_tty_changed, true);
    if (!registered) {
        registered = true;
        atexit(stdio_restore_tty);
    }
}

static void chardev_stdio_finalize(GObject *obj)
{
    stdio_restore_tty();
    stdio_in_use = false;
    G_OBJECT_CLASS(chardev_stdio_parent_class)->finalize(obj);
}

static void chardev_stdio_class_init(ChardevStdioClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = chardev_stdio_finalize;
    QEMU_CHARDEV_CLASS(klass)->get_filename = stdio_get_filename;
    CHARDEV_STREAM_CLASS(klass)->send = stdio_send;
}

static void chardev_stdio_init(ChardevStdio *self)
{
}

static Chardev *stdio_create(const char *label, json_object *opts,
                             Error **errp)
{
    g_autoptr(QIOChannelFile) in = NULL;
    g_autoptr(QIOChannelFile) out = NULL;
    bool signals;
    Chardev *chr;
    int fds[2];

    if (!chardev_opt_bool(opts, "signal", true, &signals, errp)) {
        return NULL;
    }
    if (stdio_in_use) {
        error_setg(errp, "cannot use stdio by multiple character devices");
        return NULL;
    }
    /* Duplicates: closing the chardev leaves the process its own. */
    fds[0] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    fds[1] = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fds[0] < 0 || fds[1] < 0) {
        error_setg_errno(errp, errno, "Could not use stdio");
        for (int i = 0; i < 2; i++) {
            if (fds[i] >= 0) {
                close(fds[i]);
            }
        }
        return NULL;
    }
    in = qio_channel_file_new_fd(fds[0]);
    out = qio_channel_file_new_fd(fds[1]);
    stdio_set_tty(signals);
    stdio_in_use = true;

    chr = g_object_new(CHARDEV_TYPE_STDIO, "label", label, NULL);
    qemu_mutex_lock(chardev_lock(chr));
    chardev_stream_open(CHARDEV_STREAM(chr), QIO_CHANNEL(in),
                        QIO_CHANNEL(out));
    qemu_mutex_unlock(chardev_lock(chr));
    return chr;
}

const ChardevKind chardev_kind_stdio = {
    .name = "stdio",
    .options = (const char *const[]){ "signal", NULL },
    .create = stdio_create,
};
