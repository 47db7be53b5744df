/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program as a process: background, pid file, signals. */
#include "qemu/osdep.h"

#include <glib-unix.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "system/process.h"

/* Write end of the pipe to the waiting parent; -1: not a daemon. */
static int daemon_pipe = -1;
static char *pidfile_path;

/* The parent's half: ends the process with what the child reports. */
static G_GNUC_NORETURN void daemon_parent(int fd)
{
    uint8_t status = 1;
    ssize_t n;

    do {
        n = read(fd, &status, 1);
    } while (n < 0 && errno == EINTR);
    _exit(n == 1 ? status : 1);
}

bool process_daemonize(Error **errp)
{
    int fds[2];
    pid_t pid;

    if (!g_unix_open_pipe(fds, FD_CLOEXEC, errp)) {
        return false;
    }
    pid = fork();
    if (pid < 0) {
        error_setg_errno(errp, errno, "cannot go to the background");
        return false;
    }
    if (pid > 0) {
        close(fds[1]);
        daemon_parent(fds[0]);
    }
    close(fds[0]);
    daemon_pipe = fds[1];
    setsid();
    umask(027);
    return true;
}

void process_daemon_ready(void)
{
    uint8_t status = 0;
    ssize_t n;
    int null;

    if (daemon_pipe < 0) {
        return;
    }
    if (chdir("/") < 0) {
        warn_report("cannot change to /: %s", g_strerror(errno));
    }
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        close(null);
    }
    do {
        n = write(daemon_pipe, &status, 1);
    } while (n < 0 && errno == EINTR);
    close(daemon_pipe);
    daemon_pipe = -1;
}

bool process_write_pidfile(const char *path, Error **errp)
{
    g_autofree char *text = g_strdup_printf("%ld\n", (long)getpid());
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_setg_errno(errp, errno,
                         "cannot create PID file: Could not create '%s'",
                         path);
        return false;
    }
    /* The lock lives as long as the process: the descriptor stays open. */
    if (fcntl(fd, F_SETLK, &lock) < 0 || ftruncate(fd, 0) < 0 ||
        write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        error_setg_errno(errp, errno, "cannot create PID file: cannot write "
                         "'%s'", path);
        close(fd);
        return false;
    }
    /* A daemon changes its folder. */
    pidfile_path = g_canonicalize_filename(path, NULL);
    return true;
}

void process_remove_pidfile(void)
{
    if (pidfile_path) {
        unlink(pidfile_path);
        g_clear_pointer(&pidfile_path, g_free);
    }
}

static const int end_signals[] = { SIGTERM, SIGINT, SIGHUP };

/* SA_RESETHAND: the second time the signal does what it always does. */
static void end_in_startup(int signo)
{
    if (pidfile_path) {
        unlink(pidfile_path);
    }
    raise(signo);
}

void process_guard_startup(void)
{
    struct sigaction act = { .sa_handler = end_in_startup,
                             .sa_flags = SA_RESETHAND };

    for (size_t i = 0; i < G_N_ELEMENTS(end_signals); i++) {
        sigaction(end_signals[i], &act, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

typedef struct SignalWatch {
    int fd;
    ProcessSignalFn *fn;
    void *opaque;
} SignalWatch;

static gboolean signal_arrived(int fd, GIOCondition cond, gpointer data)
{
    SignalWatch *w = data;
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) == sizeof(info)) {
        /* Only kill() and friends tell who sent it; a terminal does not. */
        pid_t sender = info.ssi_code == SI_USER || info.ssi_code == SI_QUEUE
                           ? (pid_t)info.ssi_pid
                           : 0;

        w->fn(w->opaque, (int)info.ssi_signo, sender);
    }
    return G_SOURCE_CONTINUE;
}

static void signal_watch_free(gpointer data)
{
    SignalWatch *w = data;

    close(w->fd);
    g_free(w);
}

bool process_watch_signals(ProcessSignalFn *fn, void *opaque, Error **errp)
{
    SignalWatch *w;
    sigset_t set;
    int fd;

    sigemptyset(&set);
    for (size_t i = 0; i < G_N_ELEMENTS(end_signals); i++) {
        sigaddset(&set, end_signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        error_setg_errno(errp, errno, "cannot watch for signals");
        return false;
    }
    w = g_new(SignalWatch, 1);
    *w = (SignalWatch){ .fd = fd, .fn = fn, .opaque = opaque };
    g_unix_fd_add_full(G_PRIORITY_HIGH, fd, G_IO_IN, signal_arrived, w,
                       signal_watch_free);
    return true;
}

char *process_name_of(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%ld/cmdline", (long)pid);
    g_autofree char *text = NULL;

    if (g_file_get_contents(path, &text, NULL, NULL) && *text) {
        return g_steal_pointer(&text); /* ends at the first word's NUL */
    }
    return g_strdup("<unknown process>");
}
