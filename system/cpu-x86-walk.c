/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest-virtual to guest-physical addresses, for people who look at a guest:
 * the page tables of the Intel SDM, volume 3, chapter 4.  Nothing is changed
 * in them, and permissions do not matter.
 */
#include "qemu/osdep.h"

#include "cpu-x86.h"
#include "machine-internal.h"

#define CR4_PSE_MASK (1u << 4)
#define CR4_PAE_MASK (1u << 5)
#define CR4_LA57_MASK (1u << 12)

#define PTE_PRESENT (1u << 0)
#define PTE_LARGE (1u << 7)
#define PTE_ADDR_64 UINT64_C(0x000ffffffffff000)

/* Tables of 8-byte entries, @levels of them; the top one is at @table. */
static bool walk_64(Machine *m, uint64_t table, unsigned levels, uint64_t va,
                    uint64_t *pa)
{
    for (unsigned level = levels; level > 0; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t entry = memory_load(
            m, table + ((va >> shift) & 0x1ff) * 8, 8);

        if (!(entry & PTE_PRESENT)) {
            return false;
        }
        if (level == 1 || (level <= 3 && (entry & PTE_LARGE))) {
            uint64_t mask = (UINT64_C(1) << shift) - 1;

            *pa = (entry & PTE_ADDR_64 & ~mask) | (va & mask);
            return true;
        }
        table = entry & PTE_ADDR_64;
    }
    return false;
}

/* PAE: four entries without the bits of others, then two levels. */
static bool walk_pae(Machine *m, uint64_t cr3, uint64_t va, uint64_t *pa)
{
    uint64_t entry = memory_load(m, (cr3 & 0xffffffe0) + ((va >> 30) & 3) * 8,
                                 8);

    return (entry & PTE_PRESENT)
           && walk_64(m, entry & PTE_ADDR_64, 2, va, pa);
}

static bool walk_32(Machine *m, const CPUX86State *env, uint64_t va,
                    uint64_t *pa)
{
    uint32_t entry = memory_load(
        m, (env->cr3 & 0xfffff000) + ((va >> 22) & 0x3ff) * 4, 4);

    if (!(entry & PTE_PRESENT)) {
        return false;
    }
    if ((entry & PTE_LARGE) && (env->cr4 & CR4_PSE_MASK)) {
        /* Bits 13 to 20 of the entry are bits 32 to 39 of the address. */
        *pa = ((uint64_t)(entry >> 13 & 0xff) << 32) | (entry & 0xffc00000)
              | (va & 0x3fffff);
        return true;
    }
    entry = memory_load(m, (entry & 0xfffff000) + ((va >> 12) & 0x3ff) * 4, 4);
    *pa = (entry & 0xfffff000) | (va & 0xfff);
    return entry & PTE_PRESENT;
}

bool cpu_x86_translate(CPUState *cpu, uint64_t va, uint64_t *pa)
{
    const CPUX86State *env = cpu->env;

    if ((env->cr0 & CR0_PG_MASK) && (env->efer & EFER_LMA)) {
        return walk_64(cpu->machine, env->cr3 & PTE_ADDR_64,
                       env->cr4 & CR4_LA57_MASK ? 5 : 4, va, pa);
    }
    if (va > UINT32_MAX) {
        return false;
    }
    if (!(env->cr0 & CR0_PG_MASK)) {
        *pa = va;
        return true;
    }
    return env->cr4 & CR4_PAE_MASK
               ? walk_pae(cpu->machine, env->cr3, va, pa)
               : walk_32(cpu->machine, env, va, pa);
}

bool cpu_read_virtual(CPUState *cpu, uint64_t va, void *buf, size_t len)
{
    uint8_t *out = buf;

    while (len) {
        size_t n = MIN(len, TARGET_PAGE_SIZE - va % TARGET_PAGE_SIZE);
        uint64_t pa;

        if (!cpu_x86_translate(cpu, va, &pa)) {
            return false;
        }
        memory_read(cpu->machine, pa, out, n);
        va += n;
        out += n;
        len -= n;
    }
    return true;
}

bool cpu_registers_fetch(CPUState *cpu, Error **errp)
{
    Machine *m = cpu->machine;
    bool running, ok;

    runcontrol_begin_change(m);
    running = runstate_is_running(m);
    if (running) {
        cpus_pause_all(m);
    }
    ok = cpu_synchronize_state(cpu, errp);
    if (running) {
        cpus_resume_all(m);
    }
    runcontrol_end_change(m);
    return ok;
}
