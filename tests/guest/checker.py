#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tell from a dump of guest memory whether the test guest lost any write.

The dump is raw guest memory from some guest-physical address on, with the
guest stopped: a file behind shared RAM, the output of pmemsave, or a qtest
answer "OK 0x...".  README.md has the invariant that is checked.

As a program: checker.py DUMP [options]; prints "OK ..." and exits with 0, or
prints what is wrong and exits with 1.
"""

import argparse
import mmap
import struct
import sys

from guest_params import LOAD_ADDR, PAGE, GuestParams, ParamsError
from guest_params import parse_number

CTL = struct.Struct('<10I')
CTL_MAGIC = 0x4c525443
PHASES = {1: 'filling', 2: 'first sweep', 3: 'sweeping', 4: 'stopped'}
PHASE_SWEEP = 3
PHASE_BAD = 4

WORDS = (0, 2048, 4092)  # byte offsets, in the order in which they are written
TAG_FACTOR = 0x9e3779b1
TABLE_WORDS = 17408
TABLE_ADDR = 0x20000
FILL_FACTOR = 0x85ebca6b
MASK = 0xffffffff
MAX_PROBLEMS = 20


class Result:
    """What a check found; true if all is well."""

    def __init__(self):
        self.sweep = None     # number of the sweep the guest is in
        self.cursor = None    # address of the page it writes next
        self.pages = 0        # pages looked at
        self.problems = []    # (address or None, kind, text)
        self.suppressed = 0   # problems beyond the first MAX_PROBLEMS

    def __bool__(self):
        return not self.problems

    def add(self, addr, kind, text):
        if len(self.problems) >= MAX_PROBLEMS:
            self.suppressed += 1
        else:
            self.problems.append((addr, kind, text))

    def kinds(self):
        return {kind for _, kind, _ in self.problems}

    def __str__(self):
        if self:
            return 'OK sweep %d, cursor %#x, %d pages' % (
                self.sweep, self.cursor, self.pages)
        lines = []
        for addr, kind, text in self.problems:
            where = 'page %#010x: ' % addr if addr is not None else ''
            lines.append('%s%s: %s' % (where, kind, text))
        if self.suppressed:
            lines.append('and %d more' % self.suppressed)
        return '\n'.join(lines)


def tag(addr):
    """What is added to the sequence number in the words of a page."""
    return (addr // PAGE) * TAG_FACTOR & MASK


def words_of(addr, numbers):
    """The three words of page @addr for the sequence numbers @numbers."""
    return tuple((n + tag(addr)) & MASK for n in numbers)


def make_table(seed):
    """The random-looking table that filled pages are cut from."""
    table = bytearray()
    x = seed
    for _ in range(TABLE_WORDS):
        x = (x * 1664525 + 1013904223) & MASK
        table += (x ^ (x >> 16)).to_bytes(4, 'little')
    return bytes(table)


def table_offset(addr):
    """Where in the table the data of page @addr begins."""
    return ((addr // PAGE) * FILL_FACTOR & MASK) >> 16 & 0xfffc


def read_control(view, params, base):
    offset = params.control - base
    if offset < 0 or offset + CTL.size > len(view):
        raise ParamsError('dump does not hold the control page at %#x'
                          % params.control)
    return CTL.unpack_from(view, offset)


def check_control(ctl, params, result, min_sweep):
    """Look at the control page; true if the pages can be looked at too."""
    magic, phase, sweep, cursor, errors, page, want = ctl[:7]
    have = ctl[7:]
    if magic != CTL_MAGIC or phase not in PHASES:
        result.add(None, 'control', 'no control page: magic %#x, phase %d'
                   % (magic, phase))
        return False
    if phase == PHASE_BAD or errors:
        result.add(page, 'found by guest', 'wanted word %#010x, found %s'
                   % (want, ' '.join('%#010x' % word for word in have)))
    if phase < PHASE_SWEEP:
        result.add(None, 'not ready', 'guest is at: %s' % PHASES[phase])
        return False
    result.sweep = sweep
    result.cursor = cursor
    if not params.start <= cursor <= params.end or \
            (cursor - params.start) % params.stride:
        result.add(None, 'control', 'cursor %#x is outside %#x..%#x'
                   % (cursor, params.start, params.end))
        return False
    if min_sweep is not None and sweep < min_sweep:
        result.add(None, 'stale', 'sweep %d, at least %d was seen before'
                   % (sweep, min_sweep))
    return True


def describe(addr, number, have, result):
    """Page @addr should hold @number in all words, but holds @have."""
    tags = tag(addr)
    numbers = [(word - tags) & MASK for word in have]
    if not any(have):
        result.add(addr, 'lost', 'words are zero, wanted number %d' % number)
    elif numbers[0] == numbers[1] == numbers[2]:
        if numbers[0] <= number:
            result.add(addr, 'stale', 'number %d, wanted %d'
                       % (numbers[0], number))
        elif numbers[0] - number < 1 << 16:
            result.add(addr, 'newer', 'number %d, wanted %d'
                       % (numbers[0], number))
        else:
            result.add(addr, 'foreign', 'words are of another page')
    else:
        result.add(addr, 'torn', 'numbers %s, wanted %d'
                   % (' '.join('%#x' % n for n in numbers), number))


def check_run(view, base, params, first, last, number, result):
    """Pages from @first up to @last (no multiple visited) hold @number."""
    if first >= last:
        return
    step = params.stride // 4
    lo, hi = (first - base) // 4, (last - base) // 4
    words = view.cast('I')
    got = [words[lo + offset // 4:hi:step].tolist() for offset in WORDS]
    value, delta = number + tag(first), tag(params.stride)
    count = (last - first) // params.stride
    want = [value + i * delta & MASK for i in range(count)]
    if all(words == want for words in got):
        return
    for i in range(count):
        have = (got[0][i], got[1][i], got[2][i])
        if have != (want[i],) * 3:
            describe(first + i * params.stride, number, have, result)


def check_cursor_page(view, base, params, result):
    """The page being written: newer words only before older ones."""
    addr, sweep = result.cursor, result.sweep
    have = tuple(struct.unpack_from('<I', view, addr - base + offset)[0]
                 for offset in WORDS)
    allowed = [words_of(addr, [sweep] * n + [sweep - 1] * (3 - n))
               for n in range(4)]
    if have not in allowed:
        describe(addr, sweep - 1, have, result)


def check_filling(view, base, params, result):
    """Everything but the three words is as it was at the start."""
    table = make_table(params.seed) if params.fill else bytes(PAGE)
    spans = ((4, 2048), (2052, 4092))
    for addr in range(params.start, params.end, params.stride):
        pos = addr - base
        data = table_offset(addr) if params.fill else 0
        for lo, hi in spans:
            if view[pos + lo:pos + hi] != table[data + lo:data + hi]:
                result.add(addr, 'data', 'bytes %d..%d have changed'
                           % (lo, hi - 1))
                break
    if params.fill and TABLE_ADDR >= base and \
            view[TABLE_ADDR - base:TABLE_ADDR - base + len(table)] != table:
        result.add(TABLE_ADDR, 'data', 'the table has changed')


def check_gaps(view, base, params, result):
    """Pages between those that a stride visits were never written."""
    size = params.stride - PAGE
    zero = bytes(size)
    if size == 0:
        return
    for addr in range(params.start + PAGE, params.end, params.stride):
        if view[addr - base:addr - base + size] != zero:
            result.add(addr, 'data', 'untouched memory is not zero')


def check(dump, params=None, base=0, min_sweep=None):
    """Check @dump (bytes-like), memory from address @base on.

    @params None: those of the image in the dump.  @min_sweep: the guest was
    seen in that sweep before.  Raises ParamsError if @dump is no such guest.
    """
    view = memoryview(dump)
    view = view[:len(view) // PAGE * PAGE]
    if params is None:
        if base > LOAD_ADDR:
            raise ParamsError('dump does not hold the image: give parameters')
        params = GuestParams.from_image(view, LOAD_ADDR - base)
    params.check()
    if params.start < base or params.end - base > len(view):
        raise ParamsError('dump of %#x..%#x does not hold %#x..%#x'
                          % (base, base + len(view), params.start,
                             params.end))
    result = Result()
    ctl = read_control(view, params, base)
    if not check_control(ctl, params, result, min_sweep):
        return result
    sweep, cursor = result.sweep, result.cursor
    if cursor == params.end:
        # Between two sweeps: the number may count the one that begins.
        offset = params.start - base
        first = struct.unpack_from('<I', view, offset)[0]
        if (first - tag(params.start)) & MASK == sweep - 1:
            sweep -= 1
    check_run(view, base, params, params.start, cursor, sweep, result)
    if cursor < params.end:
        check_cursor_page(view, base, params, result)
        check_run(view, base, params, cursor + params.stride, params.end,
                  sweep - 1, result)
    check_filling(view, base, params, result)
    check_gaps(view, base, params, result)
    result.pages = (params.end - params.start) // params.stride
    return result


def load_dump(path):
    """Map a raw dump, or decode a file with a qtest answer "OK 0x..."."""
    with open(path, 'rb') as f:
        if f.read(5) == b'OK 0x':
            return bytes.fromhex(f.read().split(b'\n')[0].decode().strip())
        return mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('dump')
    parser.add_argument('--base', default='0', metavar='ADDR',
                        help='guest-physical address of the dump (0)')
    parser.add_argument('--image', help='patched image, if not in the dump')
    parser.add_argument('--min-sweep', type=int, metavar='N',
                        help='the guest was seen in this sweep before')
    args = parser.parse_args()
    try:
        params = None
        if args.image:
            with open(args.image, 'rb') as f:
                params = GuestParams.from_image(f.read())
        result = check(load_dump(args.dump), params, parse_number(args.base),
                       args.min_sweep)
    except (OSError, ValueError, ParamsError) as err:
        print('checker.py: %s' % err, file=sys.stderr)
        return 2
    print(result)
    return 0 if result else 1


if __name__ == '__main__':
    sys.exit(main())
