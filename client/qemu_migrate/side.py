# SPDX-License-Identifier: GPL-2.0-or-later
"""One of the two processes, as its monitor shows it."""

import time

from .qmp import QMPClient, QMPClosed, QMPError, QMPProtocol, QMPTimeout

GREETING_TIMEOUT = 5.0
REPLY_TIMEOUT = 60.0


class MoveError(Exception):
    """The migration cannot be done, or failed; str() is for the user."""


class SideGone(MoveError):
    """A monitor does not answer any more."""

    def __init__(self, side, why):
        super().__init__(f"{side.label} {why}")
        self.side = side


class Side:
    """The source or the destination.

    label    "source" or "destination", as messages call it
    qmp      a negotiated QMPClient; with `address` given instead, connect()
             makes it
    gone     why the monitor cannot be asked any more, or None
    silent   it did not answer last() in time
    """

    def __init__(self, label, qmp=None, address=None):
        self.label = label
        self.address = address
        self.qmp = qmp
        self.gone = None
        self.silent = False
        self._last = {}
        self._asked = None  # (query, when) whose reply is still to come

    def connect(self):
        """Connect to the address and negotiate; raises MoveError."""
        where = f"{self.label} monitor {self.address.text}"
        try:
            sock = self.address.connect(GREETING_TIMEOUT)
        except OSError as e:
            why = e.strerror or str(e) or type(e).__name__
            raise MoveError(f"cannot connect to the {where}: {why}") from None
        qmp = QMPClient(sock, REPLY_TIMEOUT)
        try:
            qmp.negotiate(timeout=GREETING_TIMEOUT)
        except QMPTimeout:
            qmp.close()
            raise MoveError(
                f"the {where} does not greet: it is no QMP monitor, or "
                "another client is connected to it") from None
        except (QMPProtocol, QMPClosed, QMPError) as e:
            qmp.close()
            raise MoveError(f"the {where} does not work: {e}") from None
        self.qmp = qmp

    def close(self):
        if self.qmp and self.address:
            self.qmp.close()

    @property
    def version(self):
        """What the greeting says, e.g. `7.2.22 (Debian ...)`."""
        about = self.qmp.greeting["QMP"].get("version", {}) if self.qmp \
            and self.qmp.greeting else {}
        number = about.get("qemu", {})
        text = ".".join(str(number.get(k, "?"))
                        for k in ("major", "minor", "micro"))
        package = about.get("package", "").strip()
        return f"{text} {package}".strip()

    # -- commands

    def _why_closed(self):
        """The connection was closed: is there still a process that greets?
        One that is being ended may accept for a moment more."""
        end = time.monotonic() + 2.0
        while self.address and time.monotonic() < end:
            try:
                qmp = QMPClient(self.address.connect(1.0))
            except OSError:
                break
            try:
                qmp.negotiate(timeout=1.0)
                return "closed its QMP connection"
            except (QMPClosed, QMPError):
                time.sleep(0.02)
            except (QMPTimeout, QMPProtocol):
                return "closed its QMP connection"
            finally:
                qmp.close()
        return "process is gone (its QMP socket closed)"

    def _talk(self, what, talk):
        """talk(), with every way to lose the monitor as SideGone."""
        if self.gone:
            raise SideGone(self, self.gone)
        try:
            return talk()
        except QMPClosed:
            self.gone = self._why_closed()
        except QMPTimeout:
            self.gone = (f"does not answer (no reply to {what} for "
                         f"{self.qmp.timeout:.0f} s)")
        except (QMPProtocol, OSError) as e:
            self.gone = f"has a broken QMP connection ({e})"
        raise SideGone(self, self.gone) from None

    def _take(self, msg):
        name, self._asked = self._asked[0], None
        if "return" in msg:
            self._last[name] = msg["return"]

    def cmd(self, name, args=None):
        """Run a command; raises QMPError, or SideGone."""
        def talk():
            if self._asked:
                self._take(self.qmp.reply())
            return self.qmp.command(name, args)
        return self._talk(name, talk)

    def poll(self, name):
        """Ask without waiting; what is known so far ({} at first).  For a
        side that may be busy; raises SideGone."""
        def talk():
            now = time.monotonic()
            if not self._asked:
                self.qmp.send(name)
                self._asked = (name, now)
            msg = self.qmp.try_reply()
            if msg:
                self._take(msg)
            elif now - self._asked[1] > self.qmp.timeout:
                raise QMPTimeout(name)
            return self._last.get(name, {})
        return self._talk(name, talk)

    def do(self, name, args=None):
        """Like cmd(), with a refusal as MoveError that names the side."""
        try:
            return self.cmd(name, args)
        except QMPError as e:
            raise MoveError(f"the {self.label} refuses {e}") from None

    def last(self, name, patience=1.0):
        """Answer of a query, waiting for `patience` seconds.  The last one
        that was got ({} if none) when it cannot be had: then the side is
        `gone`, or `silent` for now."""
        asked = False
        end = time.monotonic() + patience
        try:
            while self._asked or not asked:
                asked = asked or not self._asked
                self.poll(name)
                self.silent = time.monotonic() > end and bool(self._asked)
                if self.silent:
                    break
        except SideGone:
            pass
        return self._last.get(name, {})

    # -- states

    def run_state(self):
        return self.do("query-status")["status"]

    def migration(self):
        return self.do("query-migrate")

    def capabilities(self):
        """{name: on}"""
        return {c["capability"]: c["state"]
                for c in self.do("query-migrate-capabilities")}

    def parameters(self):
        return self.do("query-migrate-parameters")
