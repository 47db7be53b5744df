/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of a vCPU; their objects are CPUX86State. */
#ifndef SYSTEM_ACCEL_X86_CPU_X86_VMSTATE_H
#define SYSTEM_ACCEL_X86_CPU_X86_VMSTATE_H

#include "migration/vmstate.h"

extern const VMStateDescription vmstate_cpu_common;
extern const VMStateDescription vmstate_x86_cpu;
extern const VMStateDescription vmstate_apic;

/* Subsections of `cpu`, in the order in which they are sent. */
extern const VMStateDescription *const vmstate_x86_cpu_subsections[];

/* Field macros for members of CPUX86State. */
#define X86_U8(f) VMSTATE_UINT8(f, CPUX86State)
#define X86_U16(f) VMSTATE_UINT16(f, CPUX86State)
#define X86_U32(f) VMSTATE_UINT32(f, CPUX86State)
#define X86_I32(f) VMSTATE_INT32(f, CPUX86State)
#define X86_U64(f) VMSTATE_UINT64(f, CPUX86State)
#define X86_I64(f) VMSTATE_INT64(f, CPUX86State)
#define X86_U64S(f, n) VMSTATE_UINT64_ARRAY(f, CPUX86State, n)

#endif
