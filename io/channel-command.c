/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QIOChannel over a child process.
 *
 * The child is made by posix_spawn(), which does not copy the page tables of
 * a process with a large guest as fork() would.
 */
#include "qemu/osdep.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "io/channel-command.h"
#include "io/channel-watch.h"
#include "io/fd-stream.h"

/* Between the polite and the final signal to a child that must go, ms. */
#define KILL_GRACE_MS 500
/* How often to look for the child's end on kernels without pidfd, ms. */
#define REAP_POLL_MS 10

struct _QIOChannelCommand {
    QIOChannel parent_instance;
    pid_t pid;    /* 0: reaped */
    FdStream in;  /* the child's standard output */
    FdStream out; /* the child's standard input */
    Wake shut;    /* both directions were shut down: the child must go */
};

G_DEFINE_FINAL_TYPE(QIOChannelCommand, qio_channel_command, QIO_TYPE_CHANNEL)

static void qio_channel_command_init(QIOChannelCommand *ioc)
{
    fd_stream_init_none(&ioc->in);
    fd_stream_init_none(&ioc->out);
    wake_init(&ioc->shut);
    qio_channel_set_feature(QIO_CHANNEL(ioc), QIO_CHANNEL_FEATURE_SHUTDOWN);
}

/* Start */

/* posix_spawnp() with our signal rules; returns an errno value. */
static int spawn(pid_t *pid, const char *const *argv, int stdin_fd,
                 int stdout_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, sigpipe;
    int err;

    sigemptyset(&none);
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);

    /*
     * The calling thread may block signals and the program ignore SIGPIPE;
     * a child must not inherit that.
     */
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &sigpipe);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (stdin_fd >= 0) {
        posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO);
    } else {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                         O_RDONLY, 0);
    }
    if (stdout_fd >= 0) {
        posix_spawn_file_actions_adddup2(&actions, stdout_fd, STDOUT_FILENO);
    } else {
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                         O_WRONLY, 0);
    }
    err = posix_spawnp(pid, argv[0], &actions, &attr, (char *const *)argv,
                       environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

static void close_pipe(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

/*
 * A pipe whose ends are above the standard descriptors: a program started
 * with those closed would get them here, and the child's dup2 calls would
 * overwrite one with the other.
 */
static bool open_pipe(int fds[2], Error **errp)
{
    if (pipe2(fds, O_CLOEXEC) < 0) {
        fds[0] = fds[1] = -1;
        error_setg_errno(errp, errno, "Unable to open pipe");
        return false;
    }
    for (int i = 0; i < 2; i++) {
        int high;

        if (fds[i] > STDERR_FILENO) {
            continue;
        }
        high = fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (high < 0) {
            error_setg_errno(errp, errno, "Unable to open pipe");
            return false;
        }
        close(fds[i]);
        fds[i] = high;
    }
    return true;
}

QIOChannelCommand *qio_channel_command_new_spawn(const char *const *argv,
                                                 int flags, Error **errp)
{
    int mode = flags & O_ACCMODE;
    int to_child[2] = { -1, -1 };
    int from_child[2] = { -1, -1 };
    QIOChannelCommand *cioc;
    pid_t pid;
    int err;

    if (!argv[0]) {
        error_setg(errp, "No command to execute was given");
        return NULL;
    }
    if ((mode != O_RDONLY && !open_pipe(to_child, errp)) ||
        (mode != O_WRONLY && !open_pipe(from_child, errp))) {
        close_pipe(to_child);
        close_pipe(from_child);
        return NULL;
    }
    err = spawn(&pid, argv, to_child[0], from_child[1]);
    if (err) {
        error_setg(errp,
                   "Failed to execute child process \xe2\x80\x9c%s"
                   "\xe2\x80\x9d (%s)", argv[0], g_strerror(err));
        close_pipe(to_child);
        close_pipe(from_child);
        return NULL;
    }

    cioc = g_object_new(QIO_TYPE_CHANNEL_COMMAND, NULL);
    cioc->pid = pid;
    if (to_child[0] >= 0) {
        close(to_child[0]);
        fd_stream_init(&cioc->out, to_child[1]);
    }
    if (from_child[1] >= 0) {
        close(from_child[1]);
        fd_stream_init(&cioc->in, from_child[0]);
    }
    return cioc;
}

/* Reading and writing */

static ssize_t command_readv(QIOChannel *ioc, const struct iovec *iov,
                             size_t niov, int **fds, size_t *nfds, int flags,
                             Error **errp)
{
    QIOChannelCommand *cioc = QIO_CHANNEL_COMMAND(ioc);

    return fd_stream_readv(&cioc->in, iov, niov, errp);
}

static ssize_t command_writev(QIOChannel *ioc, const struct iovec *iov,
                              size_t niov, const int *fds, size_t nfds,
                              int flags, Error **errp)
{
    QIOChannelCommand *cioc = QIO_CHANNEL_COMMAND(ioc);

    return fd_stream_writev(&cioc->out, iov, niov, errp);
}

/* End */

/* Reap the child if it is dead. */
static bool try_reap(QIOChannelCommand *cioc, int *status)
{
    pid_t pid;

    do {
        pid = waitpid(cioc->pid, status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    if (pid < 0) {
        *status = 0; /* somebody else reaped it */
    }
    return pid != 0;
}

/*
 * Wait for the child's end, at most @ms milliseconds (-1: no limit), or until
 * @wake is set.  True: reaped.
 */
static bool wait_child(QIOChannelCommand *cioc, Wake *wake, int pidfd, int ms,
                       int *status)
{
    int left = ms;

    while (!try_reap(cioc, status)) {
        int step = pidfd >= 0 ? left : REAP_POLL_MS;

        if (wake_is_set(wake) || left == 0) {
            return false;
        }
        if (!wake_poll(wake, pidfd, POLLIN, step) && left > 0) {
            left = MAX(left - step, 0);
        }
    }
    return true;
}

static bool report_status(int status, Error **errp)
{
    if (WIFSIGNALED(status)) {
        error_setg(errp, "Command was ended by signal %d", WTERMSIG(status));
        return false;
    }
    if (WEXITSTATUS(status)) {
        error_setg(errp, "Command exited with status %d",
                   WEXITSTATUS(status));
        return false;
    }
    return true;
}

static void close_stream(FdStream *s)
{
    int fd = s->fd;

    fd_stream_release(s);
    if (fd >= 0) {
        close(fd);
    }
}

static bool command_close(QIOChannel *ioc, Error **errp)
{
    QIOChannelCommand *cioc = QIO_CHANNEL_COMMAND(ioc);
    Wake never = WAKE_NONE;
    bool killed = false;
    int status = 0;
    int pidfd;

    /* The child sees end of file, or that nobody reads any more. */
    close_stream(&cioc->out);
    close_stream(&cioc->in);
    if (cioc->pid == 0) {
        return true;
    }
    pidfd = (int)syscall(SYS_pidfd_open, cioc->pid, 0);
    if (!wait_child(cioc, &cioc->shut, pidfd, -1, &status)) {
        killed = true;
        kill(cioc->pid, SIGTERM);
        if (!wait_child(cioc, &never, pidfd, KILL_GRACE_MS, &status)) {
            kill(cioc->pid, SIGKILL);
            wait_child(cioc, &never, pidfd, -1, &status);
        }
    }
    if (pidfd >= 0) {
        close(pidfd);
    }
    cioc->pid = 0;
    return killed || report_status(status, errp);
}

static bool command_shutdown(QIOChannel *ioc, QIOChannelShutdown how,
                             Error **errp)
{
    QIOChannelCommand *cioc = QIO_CHANNEL_COMMAND(ioc);

    if (how & QIO_CHANNEL_SHUTDOWN_READ) {
        fd_stream_shutdown(&cioc->in);
    }
    if (how & QIO_CHANNEL_SHUTDOWN_WRITE) {
        fd_stream_shutdown(&cioc->out);
    }
    if (how == QIO_CHANNEL_SHUTDOWN_BOTH) {
        wake_set(&cioc->shut);
    }
    return true;
}

static bool command_set_blocking(QIOChannel *ioc, bool enabled, Error **errp)
{
    QIOChannelCommand *cioc = QIO_CHANNEL_COMMAND(ioc);

    cioc->in.nonblocking = cioc->out.nonblocking = !enabled;
    return true;
}

static GSource *command_create_watch(QIOChannel *ioc, GIOCondition cond)
{
    QIOChannelCommand *cioc = QIO_CHANNEL_COMMAND(ioc);
    int wake_fd = cond & G_IO_OUT ? cioc->out.shut.fd : cioc->in.shut.fd;

    return qio_channel_fd_watch(ioc, cioc->in.fd, cioc->out.fd, wake_fd, cond);
}

static void qio_channel_command_finalize(GObject *obj)
{
    QIOChannelCommand *cioc = QIO_CHANNEL_COMMAND(obj);

    /* Nobody is left to wait for the child's own pace. */
    wake_set(&cioc->shut);
    command_close(QIO_CHANNEL(cioc), NULL);
    fd_stream_destroy(&cioc->in);
    fd_stream_destroy(&cioc->out);
    wake_destroy(&cioc->shut);
    G_OBJECT_CLASS(qio_channel_command_parent_class)->finalize(obj);
}

static void qio_channel_command_class_init(QIOChannelCommandClass *klass)
{
    QIOChannelClass *ioc_class = QIO_CHANNEL_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = qio_channel_command_finalize;
    ioc_class->io_readv = command_readv;
    ioc_class->io_writev = command_writev;
    ioc_class->io_close = command_close;
    ioc_class->io_shutdown = command_shutdown;
    ioc_class->io_set_blocking = command_set_blocking;
    ioc_class->io_create_watch = command_create_watch;
}
