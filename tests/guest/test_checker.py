#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Unit tests of the checker and of the image's parameters (TAP).

Usage: test_checker.py IMAGE
"""

import os
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import checker
import guest_params
from guest_params import LOAD_ADDR, PAGE, GuestParams, ParamsError

HERE = os.path.dirname(os.path.abspath(__file__))
START, END = 0x100000, 0x180000


class Memory:
    """Guest memory as the guest would leave it, to be damaged by tests."""

    def __init__(self, image, sweep, cursor, written=0, **changes):
        """@cursor: page index; @written: words of that page done already."""
        changes = dict({'start': START, 'end': END}, **changes)
        image = guest_params.patch_image(image, **changes)
        self.params = p = GuestParams.from_image(image)
        self.data = bytearray(p.end)
        self.data[LOAD_ADDR:LOAD_ADDR + len(image)] = image
        if p.fill:
            table = checker.make_table(p.seed)
            addr = checker.TABLE_ADDR
            self.data[addr:addr + len(table)] = table
        for i, addr in enumerate(range(p.start, p.end, p.stride)):
            if p.fill:
                o = checker.table_offset(addr)
                self.data[addr:addr + PAGE] = table[o:o + PAGE]
            done = 3 if i < cursor else written if i == cursor else 0
            self.set_words(addr, [sweep] * done + [sweep - 1] * (3 - done))
        self.control(sweep, p.start + cursor * p.stride)

    def control(self, sweep, cursor, phase=3, errors=0):
        checker.CTL.pack_into(self.data, self.params.control,
                              checker.CTL_MAGIC, phase, sweep, cursor, errors,
                              0, 0, 0, 0, 0)

    def set_words(self, addr, numbers):
        for offset, word in zip(checker.WORDS,
                                checker.words_of(addr, numbers)):
            struct.pack_into('<I', self.data, addr + offset, word)

    def page(self, index):
        return self.params.start + index * self.params.stride

    def check(self, **args):
        return checker.check(self.data, **args)


def expect(result, *kinds):
    assert result.kinds() == set(kinds), '%s: %s' % (result.kinds(), result)


def test_good(image):
    for fill in (0, 1):
        for written in range(4):
            memory = Memory(image, 7, 40, written, fill=fill)
            result = memory.check()
            expect(result)
            assert result.sweep == 7 and result.pages == 128
            assert result.cursor == memory.page(40)


def test_between_sweeps(image):
    expect(Memory(image, 7, 0).check())
    expect(Memory(image, 7, 128).check())
    memory = Memory(image, 7, 128)
    memory.control(8, END)  # the number is stored before the cursor
    expect(memory.check())
    memory.control(9, END)
    expect(memory.check(), 'stale')


def test_stale(image):
    for index in (0, 39, 41, 127):
        memory = Memory(image, 7, 40)
        memory.set_words(memory.page(index), [5, 5, 5])
        expect(memory.check(), 'stale')
    memory = Memory(image, 7, 40)
    memory.set_words(memory.page(39), [6, 6, 6])  # only the last write lost
    expect(memory.check(), 'stale')


def test_newer(image):
    memory = Memory(image, 7, 40)
    memory.set_words(memory.page(41), [7, 7, 7])
    expect(memory.check(), 'newer')


def test_torn(image):
    for numbers in ([7, 7, 6], [6, 7, 7], [7, 6, 7]):
        memory = Memory(image, 7, 40)
        memory.set_words(memory.page(3), numbers)
        expect(memory.check(), 'torn')
    memory = Memory(image, 7, 40, 1)
    memory.set_words(memory.page(40), [6, 7, 7])  # not in program order
    expect(memory.check(), 'torn')


def test_lost(image):
    for index in (3, 40, 90):
        memory = Memory(image, 7, 40)
        addr = memory.page(index)
        memory.data[addr:addr + PAGE] = bytes(PAGE)
        expect(memory.check(), 'lost')


def test_exchanged(image):
    memory = Memory(image, 7, 40)
    a, b = memory.page(3), memory.page(4)
    page = memory.data[a:a + PAGE]
    memory.data[a:a + PAGE] = memory.data[b:b + PAGE]
    memory.data[b:b + PAGE] = page
    result = memory.check()
    expect(result, 'foreign')
    assert [addr for addr, _, _ in result.problems] == [a, b]


def test_data(image):
    for fill in (0, 1):
        for offset in (4, 2047, 2052, 4091):
            memory = Memory(image, 7, 40, fill=fill)
            memory.data[memory.page(100) + offset] ^= 1
            expect(memory.check(), 'data')


def test_stride(image):
    memory = Memory(image, 7, 10, 2, stride=4 * PAGE)
    expect(memory.check())
    memory.data[memory.page(10) + PAGE + 5] = 1
    expect(memory.check(), 'data')


def test_control(image):
    memory = Memory(image, 7, 40)
    expect(memory.check(min_sweep=7))
    expect(memory.check(min_sweep=8), 'stale')
    memory.control(7, START + 12345)
    expect(memory.check(), 'control')
    memory.control(7, START, phase=1)
    expect(memory.check(), 'not ready')
    memory = Memory(image, 7, 40)
    memory.control(7, memory.page(40), phase=4, errors=1)
    expect(memory.check(), 'found by guest')
    memory.data[memory.params.control] = 0
    expect(memory.check(), 'control')


def test_many_problems(image):
    memory = Memory(image, 7, 40)
    memory.data[START:END] = bytes(END - START)
    result = memory.check()
    assert len(result.problems) == checker.MAX_PROBLEMS
    assert result.suppressed == 128 - checker.MAX_PROBLEMS
    assert 'and %d more' % result.suppressed in str(result)


def test_part_of_memory(image):
    memory = Memory(image, 7, 40)
    base = 0x10000
    part = memory.data[base:]
    expect(checker.check(part, memory.params, base))
    for args in ((part, None, base), (memory.data[:END - PAGE],),
                 (bytes(1 << 20),), (b'',)):
        try:
            checker.check(*args)
        except ParamsError:
            continue
        raise AssertionError('accepted')


def test_params(image):
    assert image[510:512] == b'\x55\xaa'
    assert len(image) < PAGE
    for bad in ({'start': 5}, {'end': START}, {'start': 0}, {'stride': 0},
                {'stride': 5 * PAGE}, {'fill': 2}, {'control': 0x7000},
                {'end': 0xfffff000}, {'nothing': 1}):
        try:
            guest_params.patch_image(image, **dict({'start': START,
                                                    'end': END}, **bad))
        except ParamsError:
            continue
        raise AssertionError('accepted %s' % bad)
    assert guest_params.parse_number('0x10K') == 0x4000


def test_programs(image):
    with tempfile.TemporaryDirectory() as tmp:
        raw, qtest = os.path.join(tmp, 'raw'), os.path.join(tmp, 'qtest')
        img, out = os.path.join(tmp, 'in'), os.path.join(tmp, 'out')
        memory = Memory(image, 7, 40)
        with open(raw, 'wb') as f:
            f.write(memory.data)
        with open(qtest, 'w') as f:
            f.write('OK 0x%s\n' % memory.data.hex())
        with open(img, 'wb') as f:
            f.write(image)

        def run(script, *args):
            return subprocess.run(
                [sys.executable, os.path.join(HERE, script), *args],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                universal_newlines=True)

        for path in (raw, qtest):
            done = run('checker.py', path)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith('OK sweep 7'), done.stdout
        done = run('checker.py', raw, '--min-sweep', '8')
        assert done.returncode == 1 and 'stale' in done.stdout
        assert run('checker.py', raw, '--base', '1M').returncode == 2
        assert run('checker.py', os.path.join(tmp, 'none')).returncode == 2
        done = run('guest_params.py', img, '-o', out, 'end=64M', 'fill=1')
        assert done.returncode == 0, done.stderr
        with open(out, 'rb') as f:
            params = GuestParams.from_image(f.read())
        assert params.end == 64 << 20 and params.fill == 1
        assert run('guest_params.py', img, 'end=64Q').returncode == 1


def test_speed(image):
    """Not a limit, only a line for people: 256 MiB."""
    memory = Memory(image, 7, 1000, end=START + (256 << 20), fill=1)
    begin = time.monotonic()
    expect(memory.check())
    print('# 256 MiB checked in %.2f s' % (time.monotonic() - begin))


def main():
    with open(sys.argv[1], 'rb') as f:
        image = f.read()
    tests = [(name, fn) for name, fn in sorted(globals().items())
             if name.startswith('test_')]
    failed = 0
    print('1..%d' % len(tests))
    for number, (name, fn) in enumerate(tests, 1):
        try:
            fn(image)
            print('ok %d %s' % (number, name))
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print('# ' + line)
            print('not ok %d %s' % (number, name))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
