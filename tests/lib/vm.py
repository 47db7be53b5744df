# SPDX-License-Identifier: GPL-2.0-or-later
"""One virtual machine process, ours or a stock QEMU."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import tap
from .qmp import QMPClient, QMPClosed, QMPError, QMPTimeout
from .qtest import QTestClient

# States in which a migration goes on.
ACTIVE = ("setup", "wait-unplug", "active", "pre-switchover", "device",
          "cancelling", "postcopy-active", "postcopy-device")


class VMError(Exception):
    pass


def has_accel(binary, accel):
    """Is it built into the program?  (Another question is whether it works.)"""
    out = subprocess.run([binary, "-accel", "help"], capture_output=True,
                         text=True, check=False).stdout
    return accel in out.split()


def require_accel(binary, accel):
    """Skip a test where that cannot be used."""
    if accel == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise tap.Skip("/dev/kvm is not usable here")
    if not has_accel(binary, accel):
        raise tap.Skip(f"{binary} is built without {accel}")


def tell_stderr(vms):
    """Print what the machines of a failed test have said."""
    for vm in vms:
        text = vm.stderr().strip()
        if text:
            print(f"# stderr of {vm.name}: " +
                  text.replace("\n", f"\n# {vm.name}: "))


class Workspace:
    """A scratch folder, removed with everything in it."""

    def __init__(self, prefix="qemu-migration-"):
        self.path = tempfile.mkdtemp(prefix=prefix)

    def file(self, name):
        return os.path.join(self.path, name)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def end_all(vms):
    """Kill machines; all of them, whatever comes of the first ones."""
    vms = list(vms)
    if vms:
        try:
            vms[0].__exit__()
        finally:
            end_all(vms[1:])


class VM:
    """Start a process with a QMP monitor, optionally qtest and a serial log.

    The monitor is a client of a socket the test listens on, as qtest programs
    do it, so that start-up order needs no polling.
    """

    def __init__(self, binary, workspace, name, args=(), serial=False,
                 qtest=False, wrapper=(), preexec=None):
        self.binary = binary
        self.name = name
        self.serial_path = workspace.file(f"{name}.serial") if serial else None
        self.stderr_path = workspace.file(f"{name}.stderr")
        self.qmp = None
        self.qtest = None
        self.exit_expected = False
        argv = [*wrapper, binary, "-nodefaults", "-display", "none"]
        listeners = []
        qmp_path = workspace.file(f"{name}.qmp")
        listeners.append(self._listen(qmp_path))
        argv += ["-chardev", f"socket,path={qmp_path},id=qmp0",
                 "-mon", "chardev=qmp0,mode=control"]
        if qtest:
            qtest_path = workspace.file(f"{name}.qtest")
            listeners.append(self._listen(qtest_path))
            argv += ["-qtest", f"unix:{qtest_path}", "-qtest-log", "none"]
        if serial:
            argv += ["-serial", f"file:{self.serial_path}"]
        argv += list(args)
        self.argv = argv
        with open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                preexec_fn=preexec)
        try:
            conns = [self._accept(s) for s in listeners]
        finally:
            for s in listeners:
                s.close()
        self.qmp = QMPClient(conns[0])
        if qtest:
            self.qtest = QTestClient(conns[1])
        try:
            self.qmp.negotiate()
        except QMPClosed:
            raise VMError(f"{name} ended with status {self.process.wait()}:\n"
                          f"{self.stderr()}") from None

    @staticmethod
    def _listen(path):
        if os.path.exists(path):
            os.unlink(path)
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen(1)
        return s

    def _accept(self, listener):
        listener.settimeout(0.1)
        end = time.monotonic() + 60
        while True:
            try:
                conn, _ = listener.accept()
                conn.settimeout(None)
                return conn
            except socket.timeout:
                if self.process.poll() is not None:
                    raise VMError(f"{self.name} ended with status "
                                  f"{self.process.returncode}:\n"
                                  f"{self.stderr()}") from None
                if time.monotonic() > end:
                    self.kill()
                    raise VMError(f"{self.name} does not start") from None

    # -- the process

    def stderr(self):
        try:
            with open(self.stderr_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def serial(self):
        with open(self.serial_path, "rb") as f:
            return f.read()

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        if self.alive():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait_exit(self, timeout=30.0):
        """Exit status of a process that ends by itself."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise VMError(f"{self.name} does not end") from None

    def close(self):
        """End the process with SIGTERM; its status must be 0."""
        try:
            if self.alive():
                self.process.terminate()
                try:
                    self.process.wait(30)
                except subprocess.TimeoutExpired:
                    self.kill()
                    raise VMError(f"{self.name} ignores SIGTERM") from None
        finally:
            for conn in (self.qmp, self.qtest):
                if conn:
                    conn.close()
        self.check_sanitizers()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.alive():
            self.kill()
        for conn in (self.qmp, self.qtest):
            if conn:
                conn.close()
        self.check_sanitizers()

    def check_sanitizers(self):
        """What they found is an error, also if the process was killed or was
        to fail anyway."""
        text = self.stderr()
        if "Sanitizer: " in text or ": runtime error: " in text:
            raise VMError(f"{self.name}: a sanitizer has found something:\n"
                          f"{text}")

    # -- resources of the process

    def cpu_seconds(self):
        """User plus system time so far."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self, what="VmRSS"):
        with open(f"/proc/{self.process.pid}/status") as f:
            for line in f:
                if line.startswith(what + ":"):
                    return int(line.split()[1])
        return 0

    def threads(self):
        """Names of the threads, sorted; without those that the kernel adds to
        a process that uses KVM."""
        names = []
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/comm") as f:
                    names.append(f.read().strip())
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has just ended
        return sorted(n for n in names if not n.startswith("kvm-"))

    def descriptors(self):
        """What is open: the links' texts, sorted, without inode numbers."""
        folder = f"/proc/{self.process.pid}/fd"
        texts = []
        for fd in os.listdir(folder):
            try:
                texts.append(os.readlink(f"{folder}/{fd}").split("[")[0])
            except FileNotFoundError:
                pass  # just closed
        return sorted(texts)

    # -- QMP shorthands

    def cmd(self, name, args=None, fds=()):
        return self.qmp.command(name, args, fds)

    def hmp(self, line):
        return self.cmd("human-monitor-command", {"command-line": line})

    def status(self):
        return self.cmd("query-status")["status"]

    def set_capability(self, name, on=True):
        self.cmd("migrate-set-capabilities",
                 {"capabilities": [{"capability": name, "state": on}]})

    def set_parameters(self, **params):
        self.cmd("migrate-set-parameters",
                 {k.replace("_", "-"): v for k, v in params.items()})

    def migration_status(self):
        return self.cmd("query-migrate").get("status", "none")

    def wait_migration(self, wanted="completed", timeout=120.0, also=(),
                       interval=0.01):
        """Poll until the status is `wanted` (or one of `also`); returns
        query-migrate.  A different final status is an error."""
        end = time.monotonic() + timeout
        while True:
            info = self.cmd("query-migrate")
            status = info.get("status", "none")
            if status == wanted or status in also:
                return info
            if status in ("completed", "failed", "cancelled"):
                raise VMError(f"{self.name}: migration {status} instead of "
                              f"{wanted}: {info.get('error-desc')}")
            if time.monotonic() > end:
                raise VMError(f"{self.name}: migration still {status} after "
                              f"{timeout:.0f} s, not {wanted}: {info}")
            time.sleep(interval)

    def wait_status(self, wanted, timeout=60.0):
        end = time.monotonic() + timeout
        while True:
            got = self.status()
            if got == wanted:
                return
            if time.monotonic() > end:
                raise VMError(f"{self.name}: status {got}, not {wanted}")
            time.sleep(0.01)

    def wait_serial(self, growth=1, timeout=120.0):
        """Wait until the serial log has `growth` more bytes."""
        start = os.path.getsize(self.serial_path)
        end = time.monotonic() + timeout
        while os.path.getsize(self.serial_path) < start + growth:
            if time.monotonic() > end:
                raise VMError(f"{self.name}: the guest does not print")
            if not self.alive():
                raise VMError(f"{self.name} ended: {self.stderr()}")
            time.sleep(0.01)


__all__ = ["VM", "VMError", "Workspace", "end_all", "ACTIVE", "QMPClient", "QMPClosed",
           "QMPError", "QMPTimeout"]
