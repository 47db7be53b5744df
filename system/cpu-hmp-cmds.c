/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor commands about the CPUs. */
#include "qemu/osdep.h"

#include "cpu-x86.h"
#include "machine-internal.h"
#include "qapi/hmp.h"
#include "qapi/qapi-commands-machine.h"

/* The registers are shown in the width of the mode that the CPU is in. */
typedef struct RegisterView {
    bool wide;
    char letter; /* of RAX or EAX */
} RegisterView;

static void print_general(HmpContext *hmp, const CPUX86State *env,
                          RegisterView view)
{
    static const struct {
        const char *name;
        int reg;
    } shown[] = {
        { "AX", R_EAX }, { "BX", R_EBX }, { "CX", R_ECX }, { "DX", R_EDX },
        { "SI", R_ESI }, { "DI", R_EDI }, { "BP", R_EBP }, { "SP", R_ESP },
    };
    int digits = view.wide ? 16 : 8;
    uint64_t mask = view.wide ? UINT64_MAX : UINT32_MAX;

    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        hmp_printf(hmp, "%c%s=%0*" PRIx64 "%c", view.letter, shown[i].name,
                   digits, env->regs[shown[i].reg] & mask,
                   i % 4 == 3 ? '\n' : ' ');
    }
    for (int i = 8; view.wide && i < 16; i++) {
        hmp_printf(hmp, "R%-2d=%0*" PRIx64 "%c", i, digits, env->regs[i],
                   i % 4 == 3 ? '\n' : ' ');
    }
    hmp_printf(hmp, "%cIP=%0*" PRIx64 " %cFL=%08" PRIx64 " CPL=%u II=%u "
               "A20=%u SMM=%u HLT=%u\n", view.letter, digits, env->eip & mask,
               view.letter, env->eflags, env->hflags & 3,
               (unsigned)!!(env->hflags & HF_INHIBIT_IRQ),
               (unsigned)((uint32_t)env->a20_mask >> 20 & 1),
               (unsigned)!!(env->hflags & HF_SMM), env->halted);
}

static void print_segment(HmpContext *hmp, const char *name,
                          const SegmentCache *seg, RegisterView view)
{
    hmp_printf(hmp, "%-3s=%04x %0*" PRIx64 " %08x %08x\n", name,
               seg->selector, view.wide ? 16 : 8, seg->base, seg->limit,
               seg->flags);
}

static void print_system(HmpContext *hmp, const CPUX86State *env,
                         RegisterView view)
{
    static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    int digits = view.wide ? 16 : 8;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        print_segment(hmp, names[i], &env->segs[i], view);
    }
    print_segment(hmp, "LDT", &env->ldt, view);
    print_segment(hmp, "TR", &env->tr, view);
    hmp_printf(hmp, "GDT=     %0*" PRIx64 " %08x\n"
               "IDT=     %0*" PRIx64 " %08x\n", digits, env->gdt.base,
               env->gdt.limit, digits, env->idt.base, env->idt.limit);
    hmp_printf(hmp, "CR0=%08" PRIx64 " CR2=%0*" PRIx64 " CR3=%0*" PRIx64
               " CR4=%08" PRIx64 "\n", env->cr0, digits, env->cr2, digits,
               env->cr3, env->cr4);
    hmp_printf(hmp, "EFER=%016" PRIx64 "\n", env->efer);
}

static void hmp_info_registers(HmpContext *hmp, json_object *args)
{
    Machine *m = hmp->qmp->machine;
    Error *err = NULL;
    RegisterView view;
    CPUState *cpu;

    if (!machine_cpu_count(m)) {
        hmp_printf(hmp, "No CPU available\n");
        return;
    }
    for (unsigned i = 0; i < machine_cpu_count(m); i++) {
        cpu = machine_get_cpu(m, i);
        if (!cpu_registers_fetch(cpu, &err)) {
            hmp_handle_error(hmp, err);
            return;
        }
        view.wide = (cpu->env->hflags & HF_CS64) != 0;
        view.letter = view.wide ? 'R' : 'E';
        hmp_printf(hmp, "%sCPU#%u\n", i ? "\n" : "", i);
        print_general(hmp, cpu->env, view);
        print_system(hmp, cpu->env, view);
        if (!json_object_object_get(args, "all")) {
            break;
        }
    }
}

/* There is at most one, so there is nothing to remember. */
static void hmp_cpu(HmpContext *hmp, json_object *args)
{
    int64_t index = json_object_get_int64(
        json_object_object_get(args, "index"));

    if (index < 0 || index >= machine_cpu_count(hmp->qmp->machine)) {
        hmp_printf(hmp, "invalid CPU index\n");
    }
}

static void hmp_info_cpus(HmpContext *hmp, json_object *args)
{
    g_autoptr(CpuInfoFastList) list = qmp_query_cpus_fast(hmp->qmp, NULL);

    for (CpuInfoFastList *i = list; i; i = i->next) {
        /* Commands about a CPU are about the first. */
        hmp_printf(hmp, "%c CPU #%" PRId64 ": thread_id=%" PRId64 "\n",
                   i == list ? '*' : ' ', i->value->cpu_index,
                   i->value->thread_id);
    }
}

static const HmpCommand cpu_commands[] = {
    { "cpu", "index:l", "index", "choose the CPU that commands are about",
      hmp_cpu },
    { "cpus", "", "", "show the CPUs and their threads", hmp_info_cpus,
      .is_info = true },
    { "registers", "all:-a", "[-a]",
      "show the registers of the CPU (-a: of all)", hmp_info_registers,
      .is_info = true },
};

void cpu_register_hmp_commands(void)
{
    hmp_register_commands(cpu_commands, G_N_ELEMENTS(cpu_commands));
}
