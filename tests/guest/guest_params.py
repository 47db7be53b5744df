#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The parameters in the test guest's image: read, change, write.

As a program: guest_params.py IMAGE [-o OUT] [name=value ...] patches (or just
prints) them.  Sizes and addresses take the suffixes K, M and G.
"""

import argparse
import struct
import sys

LOAD_ADDR = 0x7c00
OFFSET = 0x10
MAGIC = 0x5453474d
VERSION = 1
PAGE = 4096

# In the order of the image.
FIELDS = ('start', 'end', 'stride', 'page_delay', 'sweep_delay',
          'print_interval', 'fill', 'seed', 'control')
LAYOUT = struct.Struct('<II%dI' % len(FIELDS))

# Low memory that the guest needs for itself; see guest.S.
FIRST_FREE = 0x40000


class ParamsError(Exception):
    """The image or a value is not what it should be."""


class GuestParams:
    """Attributes named as in FIELDS."""

    def __init__(self, **values):
        for name in FIELDS:
            setattr(self, name, values[name])

    @classmethod
    def from_image(cls, image, offset=0):
        """Read them from a bytes-like image that begins at @offset."""
        if len(image) < offset + OFFSET + LAYOUT.size:
            raise ParamsError('image is too short for the parameters')
        magic, version, *rest = LAYOUT.unpack_from(image, offset + OFFSET)
        if magic != MAGIC or version != VERSION:
            raise ParamsError('no guest image: magic %#x, version %d'
                              % (magic, version))
        return cls(**dict(zip(FIELDS, rest)))

    def check(self):
        """Raise ParamsError unless the guest can run with these values."""
        for name in ('start', 'end', 'stride', 'control'):
            if getattr(self, name) % PAGE:
                raise ParamsError('%s is no multiple of %d' % (name, PAGE))
        if self.stride == 0:
            raise ParamsError('stride is 0')
        if not FIRST_FREE <= self.start < self.end:
            raise ParamsError('range is empty or begins below %#x'
                              % FIRST_FREE)
        if self.end > 3 << 30:
            raise ParamsError('range ends above 3 GiB')
        if (self.end - self.start) % self.stride:
            raise ParamsError('range is no multiple of the stride')
        if self.control < 0x9000 or self.control >= 0x20000:
            raise ParamsError('control page is not in 0x9000..0x1f000')
        if self.fill not in (0, 1):
            raise ParamsError('fill is neither 0 nor 1')

    def patch(self, image):
        """Return @image with these parameters."""
        GuestParams.from_image(image)
        self.check()
        out = bytearray(image)
        LAYOUT.pack_into(out, OFFSET, MAGIC, VERSION,
                         *(getattr(self, name) for name in FIELDS))
        return bytes(out)


def parse_number(text):
    """A number as C writes it, with an optional suffix K, M or G."""
    units = {'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}
    unit = units.get(text[-1:].upper(), 1)
    try:
        value = int(text[:-1] if unit > 1 else text, 0) * unit
    except ValueError:
        raise ParamsError("'%s' is not a number" % text) from None
    if not 0 <= value < 1 << 32:
        raise ParamsError("'%s' does not fit into 32 bits" % text)
    return value


def patch_image(image, **changes):
    """Return @image with the parameters named in @changes replaced."""
    params = GuestParams.from_image(image)
    for name, value in changes.items():
        if name not in FIELDS:
            raise ParamsError("no parameter '%s'" % name)
        setattr(params, name, value)
    return params.patch(image)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('image')
    parser.add_argument('-o', '--output', help='default: the image itself')
    parser.add_argument('changes', nargs='*', metavar='name=value')
    args = parser.parse_intermixed_args()
    try:
        with open(args.image, 'rb') as f:
            image = f.read()
        changes = {}
        for change in args.changes:
            name, _, value = change.partition('=')
            changes[name] = parse_number(value)
        image = patch_image(image, **changes)
        if changes or args.output:
            with open(args.output or args.image, 'wb') as f:
                f.write(image)
        params = GuestParams.from_image(image)
        for name in FIELDS:
            print('%s=%#x' % (name, getattr(params, name)))
    except (OSError, ParamsError) as err:
        print('guest_params.py: %s' % err, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
