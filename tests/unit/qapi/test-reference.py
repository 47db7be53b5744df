# SPDX-License-Identifier: GPL-2.0-or-later
"""Is docs/qmp-reference.md what the schema says?"""

import difflib
import os
import sys

from taptest import Tap


def read(path):
    """Lines of a file, none if it does not exist."""
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as src:
        return src.read().splitlines()


def main():
    """Compare the page just made (argv[1]) with the copy (argv[2])."""
    made, copy = sys.argv[1:3]
    diff = list(difflib.unified_diff(read(copy), read(made), 'docs', 'schema',
                                     lineterm=''))
    tap = Tap()
    tap.check('docs/qmp-reference.md is up to date', not diff,
              'refresh it with:\n'
              f'  cp {os.path.abspath(made)} {copy}\n' + '\n'.join(diff[:40]))
    tap.finish()


main()
