#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Standard input and output at one end of a unix socket: what `exec:` needs to
carry something that goes both ways.

Usage: bridge.py listen|connect PATH
"""

import os
import socket
import sys
import threading


def copy(read, write, end):
    while True:
        data = read(65536)
        if not data:
            break
        write(data)
    end()


def write_all(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]


def main():
    how, path = sys.argv[1:]
    sock = socket.socket(socket.AF_UNIX)
    if how == "listen":
        sock.bind(path + ".new")
        sock.listen(1)
        os.rename(path + ".new", path)  # whoever sees it can connect
        sock = sock.accept()[0]
    else:
        sock.connect(path)
    back = threading.Thread(target=copy, daemon=True, args=(
        sock.recv, write_all, lambda: os.close(1)))
    back.start()
    copy(lambda n: os.read(0, n), sock.sendall,
         lambda: sock.shutdown(socket.SHUT_WR))
    back.join()


if __name__ == "__main__":
    main()
