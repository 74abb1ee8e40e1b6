/* SPDX-License-Identifier: MIT */
/*
 * Code for children, to be copied into their memory, where it is position
 * independent; child_code.S. RDI is the parent's to set: a counter or a record
 * in the child's memory.
 */
#pragma once

#define CODE_NMI_HALT_HANDLER  32
#define CODE_SELF_HALT_HANDLER 48
#define CODE_SELF_HALT_VECTOR  0x51
#define CODE_TIMER_VECTOR      0x40
#define CODE_TIMER_HANDLER     128
#define CODE_IPI_TARGET        64
#define CODE_PROBE_WRITE       16
#define CODE_PROBE_CPUID       32
#define CODE_PROBE_FAULT       48

#ifndef __ASSEMBLER__

#include "base/types.h"

#define CHILD_CODE_OF(name) extern const u8 name[], name##_end[]

/* Adds 1 to *RDI before each HLT, interrupts on there. */
CHILD_CODE_OF(code_halt);
/* Adds 1 to *RDI in its NMI handler, and halts there while another NMI waits. */
CHILD_CODE_OF(code_nmi_halt);
/* Sends itself an interrupt before each STI and HLT; its handler adds 1 to *RDI. */
CHILD_CODE_OF(code_self_halt);
/* Adds 1 to *RDI for ever; with interrupts off; with CPUID or call *RBX, for a fast hypercall of ESI, between. */
CHILD_CODE_OF(code_count);
CHILD_CODE_OF(code_count_masked);
CHILD_CODE_OF(code_count_cpuid);
CHILD_CODE_OF(code_count_call);

/*
 * The APIC's timer, each 5 ns; RDI leads to a struct code_timer. Waits in HLT,
 * or in a loop; wake_count counts in a loop after the first interrupt.
 */
struct code_timer {
	volatile u64 count;
	u64 mode; /* 0 one-shot, 0x20000 periodic; not of wake_count */
	u64 initial;
	volatile u64 spin; /* of timer: no HLT; wake_count sets it before it halts */
	volatile u64 start_tsc;
	volatile u64 last_tsc;
};
CHILD_CODE_OF(code_timer);
CHILD_CODE_OF(code_wake_count);
/*
 * RDI leads to a struct code_clock, RBX to the reference TSC page: reads the
 * time by that, or by the counter while it is not valid, for ever.
 */
struct code_clock {
	volatile u64 count; /* readings */
	volatile u64 last;
	volatile u64 back;       /* readings below the one before */
	volatile u64 by_counter; /* readings by the counter */
};
CHILD_CODE_OF(code_clock);
/* The same by the page alone, for which it waits without an exit. */
CHILD_CODE_OF(code_page_clock);
/* Waits in HLT; its handler adds 1 to RDI's count and stores the counter's time. */
struct code_wait {
	volatile u64 count;
	volatile u64 last;
	volatile u64 ready; /* the APIC is on */
};
CHILD_CODE_OF(code_wait);
/* Interrupts VP 1, counting at RDI + 8, and waits until that has counted at RDI, again and again. */
CHILD_CODE_OF(code_ipi);
/* OUT to port 0x80, for ever. */
CHILD_CODE_OF(code_out);
/*
 * XMM3 all ones, pi on the FPU's stack, 0x123456789000 in CR2 and DR1, GS base and
 * the kernel's exchanged, 0x1000 in LSTAR; then OUT.
 */
CHILD_CODE_OF(code_state);
/* Puts the hypercall page at RBX, then calls with RCX, RDX, R8 from R12 to R14, and OUT; again and again. */
CHILD_CODE_OF(code_call);
/* RDMSR, or WRMSR or CPUID at their offsets, then OUT; a handler, with OUT to port 0x81. */
CHILD_CODE_OF(code_probe);

/*
 * Puts the hypercall page at RBX and posts the message at RSI, numbered from 0 on,
 * again while the port is full; OUT at the end, or with another status in RAX.
 */
struct code_post {
	volatile u64 sent;
	u64 wanted;
	volatile u64 refused; /* for want of buffers */
};
CHILD_CODE_OF(code_post);

/*
 * Waits in HLT; the same gate. Takes the message of the slot at RSI and the event
 * flags of the word at RBX.
 */
struct code_receive {
	volatile u64 count; /* and the number that the next message must have */
	volatile u64 wrong;
	volatile u64 flags; /* all that were ever set */
	volatile u64 interrupts;
};
CHILD_CODE_OF(code_receive);

/*
 * For the bench: waits in HLT; the same gate. Stores the TSC of the handler's first
 * instruction at RDI, empties the slot at RSI and the flags' word at RBX, then
 * OUT to port 0x80, and again.
 */
CHILD_CODE_OF(code_stamp);
/* As code_call, but stores the TSC at RDI, CODE_STAMP_OWN instructions before the call's. */
#define CODE_STAMP_OWN 5u
CHILD_CODE_OF(code_stamp_call);

#endif
