# SPDX-License-Identifier: GPL-2.0-or-later
"""The migration itself: check, connect, watch, cancel, find out why."""

import time

from . import peer
from .address import MigrationUri
from .qmp import QMPError
from .samples import Samples
from .side import MoveError, SideGone

# What query-migrate says when nothing more will happen by itself.
ENDED = ("completed", "failed", "cancelled", "postcopy-paused")
BUSY = ("setup", "wait-unplug", "active", "pre-switchover", "device",
        "cancelling", "postcopy-active", "postcopy-device",
        "postcopy-recover", "postcopy-recover-setup", "failing", "colo")

GRACE = 10.0     # s for the source to notice that the destination is lost
SETTLE = 3.0     # s for states and reasons to become final
LOAD_END = 60.0  # s from the end of the source to the end of loading


class Move:
    """One migration from `src` to `dst` (Side).

    uri       MigrationUri for the destination to listen on; None: a free
              port, or where it listens already
    timeout   seconds until it is cancelled, None: never
    observer  observer(move, info) is called with each query-migrate of the
              source, in the thread that runs the move
    connect   connect(move) instead of the usual connecting: makes dst listen
              and src send, through some other transport
    after_source  after_source(move) once the source has completed, for
              transports that are not read before

    Call prepare(), start(), watch() in turn; cancel() from anywhere.  After
    watch() `result` is completed, failed or cancelled, and `reasons` say why.
    """

    def __init__(self, src, dst, settings, uri=None, timeout=None,
                 observer=None, connect=None, after_source=None):
        self.src = src
        self.dst = dst
        self.settings = settings
        self.uri = uri
        self.timeout = timeout
        self.observer = observer or (lambda move, info: None)
        self._connect = connect or Move._connect_socket
        self._after_source = after_source
        self.source_uri = None
        self.samples = Samples()
        self.info = {}          # last query-migrate of the source
        self.info_ram = {}      # the last one that had numbers
        self.forecast = {}      # the last one that was made
        self.result = None
        self.reasons = []
        self.notes = []
        self.started = None     # time.monotonic() of `migrate`
        self.ended = None
        self.initial_state = None
        self.downtime_limit = None
        self.final = {}         # label → run state, status, error-desc, gone
        self._quits = False     # a destination that fails must be ended
        # Plain values, no lock: cancel() is called by signal handlers.
        self.cancelling = False
        self._cancel_why = None
        self._cancel_sent = False
        self._dst_lost_at = None

    # -- before

    def _check_source(self):
        state = self.src.run_state()
        info = self.src.migration()
        if state == "inmigrate":
            raise MoveError("the source itself waits for an incoming "
                            "migration (are SRC and DST swapped?)")
        if state == "postmigrate":
            raise MoveError("the source's guest has been migrated away "
                            "already (run state postmigrate)")
        if info.get("status") in BUSY or \
                info.get("status") == "postcopy-paused":
            raise MoveError("a migration is going on at the source already "
                            f"(status {info['status']})")
        if info.get("blocked-reasons"):
            raise MoveError("the source cannot be migrated: " +
                            "; ".join(info["blocked-reasons"]))
        self.initial_state = state

    def _check_destination(self):
        """Returns its query-migrate."""
        state = self.dst.run_state()
        if state != "inmigrate":
            raise MoveError(
                f"the destination does not wait for a migration (run state "
                f"{state}): start it with -incoming defer")
        info = self.dst.migration()
        status = info.get("status", "none")
        if status not in ("none", "setup"):
            raise MoveError("the destination cannot take a migration any "
                            f"more (migration status {status}): start it "
                            "anew with -incoming defer")
        return info

    def prepare(self):
        """Check both sides and set them; raises MoveError, and then nothing
        has changed."""
        self._check_source()
        info = self._check_destination()
        self._listening = self._where_listening(info)
        if self._connect == Move._connect_socket and not self.uri \
                and not self._listening:
            self._default_host()
        self.settings.apply(self.src, self.dst)
        self.downtime_limit = self.src.parameters().get("downtime-limit")

    @staticmethod
    def _where_listening(info):
        """The uri of a destination that listens already, "" if that cannot
        be told, None if it does not."""
        for addr in info.get("socket-address", []):
            if addr.get("type") == "unix":
                return f"unix:{addr['path']}"
            if addr.get("type") == "inet":
                host = addr["host"]
                host = f"[{host}]" if ":" in host else host
                return f"tcp:{host}:{addr['port']}"
        return "" if info.get("status") == "setup" else None

    def _default_host(self):
        """Where the destination listens if nothing is said, and under which
        name the source finds it."""
        src, dst = self.src.address, self.dst.address
        if dst and not dst.is_local():
            return dst.host
        if src and not src.is_local():
            raise MoveError(
                f"at which address does the source at {src.text} reach the "
                "destination? Say it with --uri tcp:HOST:PORT")
        return "127.0.0.1"

    # -- start

    def _incoming(self, uri):
        """Make the destination listen.  It shall stay when loading fails, so
        that it can be asked why; programs before 9.1 cannot do that."""
        try:
            self.dst.cmd("migrate-incoming",
                         {"uri": uri, "exit-on-error": False})
            self._quits = True
        except QMPError as e:
            if "exit-on-error" not in (e.desc or ""):
                raise MoveError(f"the destination refuses {e}") from None
            self.dst.do("migrate-incoming", {"uri": uri})

    def _bound_port(self, uri):
        for addr in self.dst.migration().get("socket-address", []):
            if addr.get("type") == "inet":
                return int(addr["port"])
        if uri.port:
            return uri.port
        raise MoveError("the destination does not say on which port it "
                        "listens")

    def _connect_socket(self):
        """Destination listens, source connects; the usual way."""
        if self._listening is not None:
            if self.uri:
                target = self.uri.for_source(None, self._default_host())
            elif self._listening:
                at = MigrationUri(self._listening)
                target = at.for_source(None, self._default_host())
            else:
                raise MoveError("the destination listens already, but does "
                                "not say where: say it with --uri")
            self.notes.append(f"the destination listened already; {target}")
        else:
            uri = self.uri
            host = None
            if not uri or (uri.kind == "tcp" and not uri.host):
                host = self._default_host()
            if not uri:
                name = f"[{host}]" if ":" in host else host
                uri = MigrationUri(f"tcp:{name}:0")
            self._incoming(uri.text)
            port = self._bound_port(uri) if uri.kind == "tcp" else None
            target = uri.for_source(port, host or self._default_host())
        self.source_uri = target
        self.migrate({"uri": target})

    def migrate(self, args):
        """Send `migrate`; from here on an interrupt cancels."""
        self.started = time.monotonic()
        self.src.do("migrate", args)

    def start(self):
        """Connect both sides; raises MoveError if that is refused."""
        try:
            self._connect(self)
        except MoveError:
            self.settings.restore(self.src)
            self.settings.restore(self.dst)
            raise
        if self.started is None:
            self.started = time.monotonic()

    # -- while it goes on

    def cancel(self, why=None):
        """Ask for the end; any thread, and signal handlers.

        why: the reason, if it is not simply the user's wish.
        """
        if not self.cancelling:
            self._cancel_why = why
            self.cancelling = True

    def elapsed(self):
        if self.started is None:
            return 0.0
        return (self.ended or time.monotonic()) - self.started

    def _poll_source(self):
        try:
            self.info = self.src.cmd("query-migrate")
        except QMPError as e:
            raise MoveError(f"the source refuses {e}") from None
        if self.info.get("ram"):
            self.info_ram = self.info
        self.forecast = peer.forecast_of(self.info) or self.forecast
        self.samples.add(self.elapsed(), self.info)
        self.observer(self, self.info)
        return self.info.get("status", "none")

    def _poll_destination(self):
        """Its query-migrate status, "gone" if there is none."""
        try:
            self.dst.poll("query-status")
            return self.dst.poll("query-migrate").get("status", "none")
        except SideGone:
            return "gone"

    def _check_destination_lives(self, status):
        """A source that waits for a lost destination is called back."""
        if status not in ("gone", "failed"):
            return
        now = time.monotonic()
        if self._dst_lost_at is None:
            self._dst_lost_at = now
        elif now - self._dst_lost_at > GRACE:
            self.cancel("the source does not notice that the destination "
                        "is lost")

    def _send_cancel(self):
        self._cancel_sent = True
        try:
            self.src.cmd("migrate_cancel")
        except QMPError as e:
            self.notes.append(f"cannot cancel: {e}")

    def _pause(self):
        """Between two looks: short at first, so that quick ones are seen."""
        time.sleep(min(0.2, max(0.02, self.elapsed() / 50)))

    def _watch_source(self):
        """Until the source's migration has ended; its status."""
        while True:
            status = self._poll_source()
            if status in ENDED:
                return status
            if status == "none":
                raise MoveError("the source does not know of a migration")
            if status == "pre-switchover" and not self.cancelling:
                try:
                    self.src.cmd("migrate-continue", {"state": status})
                except QMPError:
                    pass  # it went on by itself meanwhile
            self._check_destination_lives(self._poll_destination())
            if self.timeout is not None and self.elapsed() > self.timeout:
                self.cancel(f"not done after {self.timeout:g} s (--timeout)")
            if self.cancelling and not self._cancel_sent:
                self._send_cancel()
            self._pause()

    def watch(self):
        """Until both sides have come to their end, and it is known why."""
        try:
            status = self._watch_source()
            self.ended = time.monotonic()
            if status == "completed":
                self._finish_completed()
            elif status == "cancelled":
                self._finish_cancelled()
            else:
                self._finish_failed(status)
        except MoveError as e:
            self.result = "failed"
            self.reasons.append(str(e))
        self.ended = self.ended or time.monotonic()
        self._settle()

    def give_up(self, why):
        """prepare() or start() raised `why`: find out how things are."""
        self.result = "failed"
        self.reasons.append(why)
        self.ended = time.monotonic()
        for side in (self.src, self.dst):
            self._look(side)

    # -- at the end

    def _wait(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def _finish_completed(self):
        if self._cancel_sent:
            self.notes.append("it was too late to cancel: the guest had "
                              "moved")
        if self._after_source:
            self._after_source(self)
        got = {}

        def loaded():
            got["status"] = self._poll_destination()
            return got["status"] in ("gone", "failed", "completed")

        self._wait(loaded, LOAD_END)
        if got["status"] == "completed":
            self.result = "completed"
            return
        self.result = "failed"
        self._destination_reason()
        if got["status"] not in ("gone", "failed"):
            self.reasons.append(f"the destination has not loaded the guest "
                                f"(migration status {got['status']})")
        self.reasons.append("the source had sent everything; its guest is "
                            "stopped and still whole (`cont` starts it, if "
                            "the destination does not run it)")

    def _finish_cancelled(self):
        if self._cancel_why:
            self.result = "failed"
            self.reasons.append(self._cancel_why)
            if self._dst_lost_at is not None:
                self._destination_reason()
            return
        self.result = "cancelled"
        self.reasons.append("cancelled by the user" if self._cancel_sent
                            else "cancelled by somebody else")

    def _finish_failed(self, status):
        self.result = "failed"
        desc = self.info.get("error-desc")
        if status == "postcopy-paused":
            self.reasons.append(
                "postcopy is paused, each side has a part of the guest: "
                "migrate-recover there and migrate with resume here go on")
        self.reasons.append(f"source: {desc}" if desc
                            else f"the source's migration {status}, without "
                                 "saying why")
        self._wait(lambda: self._poll_destination() in ("gone", "failed"),
                   SETTLE)
        self._destination_reason()

    def _destination_reason(self):
        if self.dst.gone:
            self.reasons.append(f"destination {self.dst.gone}")
        info = self.dst.last("query-migrate")
        if info.get("error-desc"):
            self.reasons.append(f"destination: {info['error-desc']}")

    def _look(self, side):
        """The final states of a side."""
        state = side.last("query-status")
        info = side.last("query-migrate")
        gone = side.gone or ("does not answer" if side.silent else None)
        self.final[side.label] = {
            "run-state": None if gone else state.get("status"),
            "running": not gone and bool(state.get("running")),
            "migration-status": info.get("status"),
            "error-desc": info.get("error-desc"), "gone": gone}
        return self.final[side.label]

    def _settle(self):
        """Wait for the run states to follow, put settings back, look."""
        done = self.result == "completed"

        def settled():
            a, b = self._look(self.src), self._look(self.dst)
            if done:
                return (a["run-state"] != "finish-migrate" and
                        b["run-state"] != "inmigrate")
            return a["run-state"] in (None, self.initial_state,
                                      "postmigrate")

        self._wait(settled, SETTLE)
        if done:
            return
        if not self.src.silent:
            self.settings.restore(self.src)
        there = self.final["destination"]
        if self._quits and there["migration-status"] == "failed" \
                and not there["gone"]:
            # It can do nothing more, and would have ended by itself had it
            # not been kept for its last words.
            try:
                self.dst.cmd("quit")
                there["gone"] = "ended, after its load had failed"
            except (QMPError, SideGone):
                pass
