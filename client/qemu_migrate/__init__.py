# SPDX-License-Identifier: GPL-2.0-or-later
"""Move a guest between two QEMU processes through their QMP monitors.

address   how monitors and migration addresses are written
qmp       a QMP connection
side      one of the two processes
settings  options to capabilities and parameters of both sides
peer      what only this project's QEMU tells
move      the migration itself, from check to end
samples   what was measured on the way
progress  the line that tells how far it is
report    what is told afterwards, to people and to machines
plot      the same as a picture
cli       the command line of qemu-migrate
"""
