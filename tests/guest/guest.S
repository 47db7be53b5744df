/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest of demos and tests: a boot sector image, loaded as a whole at
 * 0x7c00 and entered there in real mode.  It says hello on COM1 and then for
 * ever sweeps over a range of pages, so that a checker can tell from memory
 * alone whether a page was lost, stale or torn.  README.md has the invariant;
 * guest_params.py knows the parameters, checker.py all the rest.
 *
 * Needs no firmware, no interrupt, no device but the serial port.
 */

        .set LOAD_ADDR,      0x7c00
        .set PARAMS_MAGIC,   0x5453474d /* "MGST" */
        .set PARAMS_VERSION, 1

        /* The control page: where the guest says what it is doing. */
        .set CTL_MAGIC,      0x4c525443 /* "CTRL" */
        .set ctl_magic,      0
        .set ctl_phase,      4
        .set ctl_sweep,      8
        .set ctl_cursor,     12
        .set ctl_errors,     16
        .set ctl_bad_page,   20
        .set ctl_bad_want,   24
        .set ctl_bad_have,   28         /* three words */
        .set ctl_words,      10

        .set PHASE_FILL,     1
        .set PHASE_INIT,     2
        .set PHASE_SWEEP,    3
        .set PHASE_BAD,      4

        /* Words of a page that a sweep writes, in this order. */
        .set FIRST_WORD,     0
        .set MIDDLE_WORD,    2048
        .set LAST_WORD,      4092

        .set TAG_FACTOR,     0x9e3779b1
        .set TABLE_ADDR,     0x20000
        .set TABLE_WORDS,    17408      /* 64 KiB and a page */
        .set FILL_FACTOR,    0x85ebca6b
        .set LCG_FACTOR,     1664525
        .set LCG_ADD,        1013904223

        .set COM1,           0x3f8
        .set LSR_THRE,       0x20

        .text
        .code16
        .globl _start
_start:
        jmp     enter

        .org    0x10
        /* Patched by guest_params.py: keep order and offsets. */
params:         .long PARAMS_MAGIC
                .long PARAMS_VERSION
start:          .long 0x00100000        /* first page */
end:            .long 0x02000000        /* first byte behind the last one */
stride:         .long 4096              /* from page to page */
page_delay:     .long 0                 /* turns of a pause loop per page */
sweep_delay:    .long 0                 /* the same, per sweep */
print_interval: .long 1                 /* sweeps per line; 0: no lines */
fill:           .long 0                 /* 1: pages begin full of data */
seed:           .long 1                 /* of that data */
control:        .long 0x0001f000        /* address of the control page */

enter:
        cli
        xorw    %ax, %ax
        movw    %ax, %ds
        lgdtl   gdt_pointer
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   $8, $enter32

        .code32
enter32:
        movw    $16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    %ax, %fs                /* left over from real mode, these */
        movw    %ax, %gs                /* make some hosts emulate all code */
        movl    $LOAD_ADDR, %esp
        cld
        call    serial_init
        movl    $banner, %esi
        call    print

        movl    control, %edi
        xorl    %eax, %eax
        movl    $ctl_words, %ecx
        rep     stosl
        movl    control, %esi
        movl    $CTL_MAGIC, ctl_magic(%esi)

        cmpl    $0, fill
        je      1f
        movl    $PHASE_FILL, ctl_phase(%esi)
        call    make_table
        call    fill_pages
1:      movl    $PHASE_INIT, ctl_phase(%esi)
        call    first_sweep
        movl    $PHASE_SWEEP, ctl_phase(%esi)

        movl    print_interval, %eax
        movl    %eax, print_count
forever:
        incl    sweep_number
        call    sweep
        call    progress
        movl    sweep_delay, %ecx
        call    delay
        jmp     forever

/* ---- pages ---- */

/* %edi: first page, %edx: end, %ebx: stride; %eax: tag of the first page,
   %ebp: what a stride adds to it. */
begin:
        movl    start, %edi
        movl    end, %edx
        movl    stride, %ebx
        movl    %ebx, %ebp
        shrl    $12, %ebp
        imull   $TAG_FACTOR, %ebp, %ebp
        movl    %edi, %eax
        shrl    $12, %eax
        imull   $TAG_FACTOR, %eax, %eax
        ret

/* Give all pages sequence number 0. */
first_sweep:
        call    begin
1:      movl    %eax, FIRST_WORD(%edi)
        movl    %eax, MIDDLE_WORD(%edi)
        movl    %eax, LAST_WORD(%edi)
        addl    %ebp, %eax
        addl    %ebx, %edi
        movl    %edi, ctl_cursor(%esi)
        cmpl    %edx, %edi
        jb      1b
        ret

/*
 * Every page must have the number before sweep_number and gets sweep_number.
 * The order of all stores matters, see README.md; the loop is short because
 * some hosts run a million instructions per second.
 */
sweep:
        call    begin
        movl    sweep_number, %ecx
        addl    %ecx, %eax
        movl    %ecx, ctl_sweep(%esi)
        movl    %edi, ctl_cursor(%esi)
1:      leal    -1(%eax), %ecx
        cmpl    %ecx, FIRST_WORD(%edi)
        jne     bad_page
        cmpl    %ecx, MIDDLE_WORD(%edi)
        jne     bad_page
        cmpl    %ecx, LAST_WORD(%edi)
        jne     bad_page
        movl    %eax, FIRST_WORD(%edi)
        movl    %eax, MIDDLE_WORD(%edi)
        movl    %eax, LAST_WORD(%edi)
        addl    %ebp, %eax
        addl    %ebx, %edi
        movl    %edi, ctl_cursor(%esi)
        movl    page_delay, %ecx
        jecxz   2f
        call    delay
2:      cmpl    %edx, %edi
        jb      1b
        ret

/* The page at %edi is not as it was left: keep the evidence and stop. */
bad_page:
        decl    %eax
        movl    %eax, ctl_bad_want(%esi)
        movl    %edi, ctl_bad_page(%esi)
        movl    FIRST_WORD(%edi), %eax
        movl    %eax, ctl_bad_have(%esi)
        movl    MIDDLE_WORD(%edi), %eax
        movl    %eax, ctl_bad_have+4(%esi)
        movl    LAST_WORD(%edi), %eax
        movl    %eax, ctl_bad_have+8(%esi)
        incl    ctl_errors(%esi)
        movl    $PHASE_BAD, ctl_phase(%esi)
        movl    $bad_text, %esi
        call    print
        movl    %edi, %eax
        call    print_hex
        movl    $newline, %esi
        call    print
1:      cli
        hlt
        jmp     1b

        .org    510
        .word   0xaa55                  /* a boot sector ends so */

/* Table of random-looking words, the material of fill_pages. */
make_table:
        movl    $TABLE_ADDR, %edi
        movl    $TABLE_WORDS, %ecx
        movl    seed, %eax
1:      imull   $LCG_FACTOR, %eax, %eax
        addl    $LCG_ADD, %eax
        movl    %eax, %edx
        shrl    $16, %edx
        xorl    %eax, %edx
        movl    %edx, (%edi)
        addl    $4, %edi
        loop    1b
        ret

/* Each page gets the 4 KiB of the table that its number selects. */
fill_pages:
        pushl   %esi
        call    begin
1:      movl    %edi, %esi
        shrl    $12, %esi
        imull   $FILL_FACTOR, %esi, %esi
        shrl    $16, %esi
        andl    $0xfffc, %esi
        addl    $TABLE_ADDR, %esi
        pushl   %edi
        movl    $1024, %ecx
        rep     movsl
        popl    %edi
        addl    %ebx, %edi
        cmpl    %edx, %edi
        jb      1b
        popl    %esi
        ret

/* %ecx turns of nothing; changes %ecx only. */
delay:
        jecxz   2f
1:      pause
        loop    1b
2:      ret

/* ---- serial port, polled ---- */

serial_init:
        movl    $COM1+1, %edx           /* no interrupts */
        xorb    %al, %al
        outb    %al, %dx
        movl    $COM1+3, %edx           /* divisor 1: 115200 baud */
        movb    $0x80, %al
        outb    %al, %dx
        movl    $COM1, %edx
        movb    $1, %al
        outb    %al, %dx
        incl    %edx
        xorb    %al, %al
        outb    %al, %dx
        movl    $COM1+3, %edx           /* 8n1 */
        movb    $3, %al
        outb    %al, %dx
        movl    $COM1+2, %edx           /* FIFOs on and empty */
        movb    $7, %al
        outb    %al, %dx
        ret

/* Send %al; keeps all registers. */
putc:
        pushl   %edx
        pushl   %eax
        movl    $COM1+5, %edx
1:      inb     %dx, %al
        testb   $LSR_THRE, %al
        jz      1b
        popl    %eax
        movl    $COM1, %edx
        outb    %al, %dx
        popl    %edx
        ret

/* Send the text at %esi. */
print:
        lodsb
        testb   %al, %al
        jz      1f
        call    putc
        jmp     print
1:      ret

/* Send %eax as 8 hexadecimal digits. */
print_hex:
        movl    $8, %ecx
1:      roll    $4, %eax
        pushl   %eax
        andl    $15, %eax
        movb    hex_digits(%eax), %al
        call    putc
        popl    %eax
        loop    1b
        ret

/* Every print_interval-th time: a line with the number of the sweep. */
progress:
        cmpl    $0, print_interval
        je      1f
        decl    print_count
        jnz     1f
        movl    print_interval, %eax
        movl    %eax, print_count
        pushl   %esi
        movl    $sweep_text, %esi
        call    print
        movl    sweep_number, %eax
        call    print_hex
        movl    $newline, %esi
        call    print
        popl    %esi
1:      ret

/* ---- data ---- */

banner:         .asciz "guest: started\n"
sweep_text:     .asciz "guest: sweep "
bad_text:       .asciz "guest: BAD page "
newline:        .asciz "\n"
hex_digits:     .ascii "0123456789abcdef"

        .balign 8
gdt:            .quad 0
                .quad 0x00cf9b000000ffff /* 8: flat 32-bit code */
                .quad 0x00cf93000000ffff /* 16: flat data */
gdt_pointer:    .word gdt_pointer - gdt - 1
                .long gdt

        .balign 4
sweep_number:   .long 0
print_count:    .long 0
