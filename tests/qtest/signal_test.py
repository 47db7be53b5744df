#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGTERM, SIGINT and SIGHUP end the program with status 0 from every state.

Usage: signal_test.py BINARY [name patterns]
"""

import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.tls import add_creds  # noqa: E402
from lib.vm import VM, VMError, Workspace  # noqa: E402
from qmp_cases import same  # noqa: E402

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Bench:
    """Machines with some memory that is not zero."""

    def __init__(self, binary):
        self.binary = binary
        self.work = Workspace()
        self.vms = []
        self.sockets = []

    def start(self, *args):
        vm = VM(self.binary, self.work, f"vm{len(self.vms)}", [
            "-machine", "none", "-m", "16M", "-accel", "tcg", *args],
            preexec=reset_signals)
        self.vms.append(vm)
        return vm

    def listen(self):
        """A peer that takes a connection and says nothing."""
        path = self.work.file(f"peer{len(self.sockets)}")
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(path)
        sock.listen(1)
        self.sockets.append(sock)
        return f"unix:{path}"

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for vm in self.vms:
            vm.__exit__()
        for sock in self.sockets:
            sock.close()
        self.work.close()


def reset_signals():
    """A test that runs in the background has SIGINT ignored."""
    for signo in SIGNALS:
        signal.signal(signo, signal.SIG_DFL)


def noisy(bench):
    path = bench.work.file(f"noise{len(bench.vms)}")
    with open(path, "wb") as f:
        f.write(os.urandom(16 << 20))
    return bench.start(
        "-object", f"memory-backend-file,id=ram,size=16M,mem-path={path}",
        "-machine", "memory-backend=ram")


def running(bench):
    return bench.start()


def prelaunch(bench):
    return bench.start("-S")


def paused(bench):
    vm = bench.start()
    vm.cmd("stop")
    return vm


def incoming_defer(bench):
    return bench.start("-incoming", "defer")


def incoming_listening(bench):
    vm = bench.start("-incoming", "tcp:127.0.0.1:0")
    same(vm.migration_status(), "setup", "status")
    return vm


def incoming_silent(bench):
    """Connected, and nothing comes: the load thread waits."""
    path = bench.work.file("incoming")
    vm = bench.start("-incoming", f"unix:{path}")
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    bench.sockets.append(sock)
    return vm


def use_tls(bench, src, dst):
    """Credentials that both have; they need no files but one."""
    types = {t["name"] for t in src.cmd("qom-list-types")}
    if "tls-creds-psk" not in types:
        raise tap.Skip("the program was built without GnuTLS")
    folder = bench.work.file("psk")
    os.mkdir(folder)
    with open(os.path.join(folder, "keys.psk"), "w") as f:
        f.write("qemu:000102030405060708090a0b0c0d0e0f\n")
    add_creds(src, "psk", "client", folder)
    add_creds(dst, "psk", "server", folder)


def slow_pair(bench, multifd=False, tls=False):
    """A migration that takes its time, between two of ours."""
    path = bench.work.file("slow")
    dst = bench.start("-incoming", "defer")
    src = noisy(bench)
    src.set_parameters(max_bandwidth=1 << 20)
    for vm in (src, dst):
        vm.set_capability("return-path")
        if multifd:
            vm.set_capability("multifd")
            vm.set_parameters(multifd_channels=8)
    if tls:
        use_tls(bench, src, dst)
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}"})
    src.cmd("migrate", {"uri": f"unix:{path}"})
    src.wait_migration("active")
    dst.wait_migration("active")
    return src, dst


def migrating(bench):
    return slow_pair(bench)[0]


def incoming_loading(bench):
    return slow_pair(bench)[1]


def multifd_migrating(bench):
    return slow_pair(bench, multifd=True)[0]


def multifd_loading(bench):
    return slow_pair(bench, multifd=True)[1]


def tls_migrating(bench):
    return slow_pair(bench, tls=True)[0]


def tls_loading(bench):
    return slow_pair(bench, tls=True)[1]


def tls_multifd_migrating(bench):
    return slow_pair(bench, multifd=True, tls=True)[0]


def tls_multifd_loading(bench):
    return slow_pair(bench, multifd=True, tls=True)[1]


def tls_handshake(bench):
    """The other side takes the connection, and does not shake hands."""
    vm = noisy(bench)
    use_tls(bench, vm, bench.start("-incoming", "defer"))
    vm.cmd("migrate", {"uri": bench.listen()})
    same(vm.migration_status(), "setup", "status")
    return vm


def incoming_tls_handshake(bench):
    """The same from the other side."""
    path = bench.work.file("incoming")
    dst = bench.start("-incoming", "defer")
    use_tls(bench, noisy(bench), dst)
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}"})
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    sock.sendall(b"\x16")
    bench.sockets.append(sock)
    return dst


def multifd_channels_missing(bench):
    """The peer takes one connection, the others wait to be accepted."""
    vm = noisy(bench)
    vm.set_capability("multifd")
    vm.set_parameters(multifd_channels=8)
    vm.cmd("migrate", {"uri": bench.listen()})
    return vm


def incoming_multifd_silent(bench):
    """Some of the channels have come, without a word."""
    path = bench.work.file("incoming")
    vm = bench.start("-incoming", "defer")
    vm.set_capability("multifd")
    vm.set_parameters(multifd_channels=8)
    vm.cmd("migrate-incoming", {"uri": f"unix:{path}"})
    for _ in range(3):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        bench.sockets.append(sock)
    return vm


def handing_over(bench):
    """Everything is sent, and the other side does not say that it has it."""
    vm = bench.start()
    vm.set_capability("return-path")
    vm.set_parameters(max_bandwidth=0)
    vm.cmd("migrate", {"uri": bench.listen()})
    vm.wait_migration("device")
    same(vm.cmd("query-status")["status"], "finish-migrate", "run state")
    return vm


def pre_switchover_pair(bench, side):
    """With the other side waiting as well."""
    path = bench.work.file("slow")
    dst = bench.start("-incoming", f"unix:{path}")
    src = bench.start()
    for cap in ("pause-before-switchover", "return-path"):
        src.set_capability(cap)
    dst.set_capability("return-path")
    src.cmd("migrate", {"uri": f"unix:{path}"})
    src.wait_migration("pre-switchover")
    return (src, dst)[side]


def pre_switchover_source(bench):
    return pre_switchover_pair(bench, 0)


def pre_switchover_destination(bench):
    return pre_switchover_pair(bench, 1)


def monitors_busy(bench):
    """Clients that came and went, one that is in the middle of a command,
    and one that does not read what it asked for."""
    path = bench.work.file("monitor")
    vm = bench.start("-qmp", f"unix:{path},server=on,wait=off",
                     "-monitor", f"unix:{path}.hmp,server=on,wait=off")
    for where, text in ((path, b'{"execute": "qmp_capabilities"}'
                         + b'{"execute": "query-qmp-schema"}' * 50),
                        (f"{path}.hmp", b"info migr")):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(where)
        sock.sendall(text)
        bench.sockets.append(sock)
    vm.cmd("query-status")
    return vm


def migrating_to_silence(bench):
    """The peer reads nothing: the sending thread waits."""
    vm = noisy(bench)
    vm.set_parameters(max_bandwidth=0)
    vm.set_capability("return-path")
    vm.cmd("migrate", {"uri": bench.listen()})
    vm.wait_migration("active")
    return vm


def cancelling(bench):
    vm = migrating_to_silence(bench)
    vm.cmd("migrate_cancel")
    return vm


def pre_switchover(bench):
    vm = bench.start()
    vm.set_capability("pause-before-switchover")
    vm.cmd("migrate", {"uri": f"file:{bench.work.file('out')}"})
    vm.wait_migration("pre-switchover")
    return vm


def postmigrate(bench):
    vm = bench.start()
    vm.cmd("migrate", {"uri": f"file:{bench.work.file('out')}"})
    vm.wait_migration("completed")
    vm.wait_status("postmigrate")
    return vm


def failed(bench):
    vm = bench.start()
    vm.cmd("migrate", {"uri": f"unix:{bench.work.file('nobody')}"})
    vm.wait_migration("failed")
    return vm


def incoming_failed(bench):
    vm = bench.start("-incoming", "defer")
    vm.cmd("migrate-incoming", {"uri": "exec:echo nonsense",
                                "exit-on-error": False})
    vm.wait_migration("failed")
    return vm


def exec_waiting(bench):
    """A command that takes nothing and does not end."""
    vm = noisy(bench)
    vm.set_parameters(max_bandwidth=0)
    vm.cmd("migrate", {"uri": "exec:exec sleep 1000"})
    vm.wait_migration("active")
    return vm


STATES = (running, prelaunch, paused, incoming_defer, incoming_listening,
          incoming_silent, migrating, incoming_loading, migrating_to_silence,
          cancelling, pre_switchover, postmigrate, failed, incoming_failed,
          exec_waiting, multifd_migrating, multifd_loading, tls_migrating,
          tls_loading, tls_multifd_migrating, tls_multifd_loading,
          tls_handshake, incoming_tls_handshake, multifd_channels_missing,
          incoming_multifd_silent, handing_over, pre_switchover_source,
          pre_switchover_destination, monitors_busy)


def test_state(binary, state):
    for signo in SIGNALS:
        with Bench(binary) as bench:
            vm = state(bench)
            vm.process.send_signal(signo)
            status = vm.wait_exit()
            if status != 0:
                raise VMError(f"status {status} after {signo.name}: "
                              f"{vm.stderr()}")
            want = f"terminating on signal {int(signo)} from pid {os.getpid()}"
            if want not in vm.stderr():
                raise VMError(f"{signo.name}: {vm.stderr()}")


def main():
    suite = tap.Suite()
    for state in STATES:
        suite.add(state.__name__.replace("_", "-"), test_state, sys.argv[1],
                  state)
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
