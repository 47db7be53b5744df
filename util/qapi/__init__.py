# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema compiler: QAPI schema files to C and documentation."""
