# SPDX-License-Identifier: GPL-2.0-or-later
"""Driving virtual machines from tests, the demo and the benchmarks."""
