/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device framebuffer */
#ifndef HW_FRAMEBUFFER_H
#define HW_FRAMEBUFFER_H

void framebuffer_register_type(void);

#endif
