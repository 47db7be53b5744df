# SPDX-License-Identifier: GPL-2.0-or-later
"""The QMP client: the installed program's own (client/qemu_migrate/qmp.py),
so that the tree has one and the tests try it all the time."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../../client"))
from qemu_migrate.qmp import (  # noqa: E402  pylint: disable=C0413
    QMPClient, QMPClosed, QMPError, QMPTimeout)

__all__ = ["QMPClient", "QMPClosed", "QMPError", "QMPTimeout"]
