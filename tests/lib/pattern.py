# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory contents for tests: zero, text, counting, sparse and incompressible
pages in turn, each a function of its page number.  The same contents are in
the recorded streams of tests/data/vectors (rule "pattern-v1")."""

import struct

PAGE = 4096
M64 = (1 << 64) - 1


def _xorshift(i, words):
    s = ((i + 1) * 0x9E3779B97F4A7C15) & M64
    out = []
    for _ in range(words):
        s ^= s >> 12
        s = (s ^ (s << 25)) & M64
        s ^= s >> 27
        out.append((s * 0x2545F4914F6CDD1D) & M64)
    return struct.pack(f"<{words}Q", *out)


def _text(k):
    line = (b"page %08u: the quick brown fox jumps over the lazy dog "
            b"0123456789\n" % k)
    return (line * (PAGE // len(line) + 1))[:PAGE]


def _one(at, value):
    page = bytearray(PAGE)
    page[at] = value
    return bytes(page)


def page(i):
    """Content of page number `i`."""
    kind = i % 16
    if kind in (0, 8):
        return bytes(PAGE)
    if kind == 1:
        return _xorshift(i, 512)
    if kind in (2, 10):
        return _text(i)
    if kind == 3:
        return struct.pack("<1024I", *((i * 1024 + j) & 0xffffffff
                                       for j in range(1024)))
    if kind == 4:
        return bytes([i & 255]) * PAGE
    if kind == 5:
        return _one((i * 37) % PAGE, 0xff)
    if kind == 6:
        return _one(PAGE - 1, 1)
    if kind == 7:
        return _one(0, 1)
    if kind == 9:
        return bytes((j ^ i) & 255 for j in range(PAGE))
    if kind == 11:
        return struct.pack("<2048H", *((j * j + i) & 0xffff
                                       for j in range(2048)))
    if kind == 12:
        return _xorshift(i, 8) * (PAGE // 64)
    if kind == 13:
        return _xorshift(i, 256) + bytes(PAGE // 2)
    if kind == 14:
        return _text(i - 12)
    return b"\xff" * PAGE


def memory(size):
    """`size` bytes of pages 0, 1, 2…"""
    return b"".join(page(i) for i in range(size // PAGE))
