# SPDX-License-Identifier: GPL-2.0-or-later
"""The little that these Python tests need to report in TAP."""


class Tap:
    """Counts results and prints them."""

    def __init__(self):
        self._count = 0

    def check(self, name, ok, detail=''):
        """Report one result; @detail explains a failure."""
        self._count += 1
        print(f'{"ok" if ok else "not ok"} {self._count} {name}')
        if not ok:
            for line in detail.splitlines():
                print(f'# {line}')

    def finish(self):
        """Print the plan, which makes a test that ended early a failure."""
        print(f'1..{self._count}')
