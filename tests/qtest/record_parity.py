#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Record what a QEMU answers to the calls of parity_cases.py, for
qmp_parity_test.py to compare with.  To be run by hand, when the calls change:

    tests/qtest/record_parity.py /usr/bin/qemu-system-x86_64 \\
        tests/data/qmp/stock-7.2.json
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import parity_cases as cases  # noqa: E402
from lib.vm import VM, Workspace  # noqa: E402


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    answers = {}
    with Workspace() as work, \
            VM(sys.argv[1], work, "vm", cases.OPTIONS) as vm:
        version = vm.cmd("query-version")["qemu"]
        for key, command, args in cases.calls():
            answers[key] = cases.answer(vm.qmp, command, args)
    data = {"SPDX-License-Identifier": "GPL-2.0-or-later",
            "version": "{major}.{minor}.{micro}".format(**version),
            "answers": answers}
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("{\n")
        for name in ("SPDX-License-Identifier", "version"):
            f.write(f" {json.dumps(name)}: {json.dumps(data[name])},\n")
        f.write(' "answers": {\n')
        # One answer a line: changes can be read.
        f.write(",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}"
                           for k, v in answers.items()))
        f.write("\n }\n}\n")


if __name__ == "__main__":
    main()
