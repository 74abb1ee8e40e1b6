/* SPDX-License-Identifier: MIT */
/*
 * The IDT and what happens at each vector: exceptions end in panic or end the
 * process, device interrupts go to irq.c, the timer to timer.c; the wake-up IPI
 * has done its work by ending a HLT, or by getting the VP out of ring 3. Runs on
 * the VP that was interrupted, interrupts off. Ring 3 may use no gate by INT.
 */
#include "rootpart/trap.h"

#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/irq.h"
#include "rootpart/panic.h"
#include "rootpart/process.h"
#include "rootpart/synic.h"
#include "rootpart/syscall.h"
#include "rootpart/timer.h"
#include "x86/cpu.h"
#include "x86/desc.h"

#define GATE_INTERRUPT 0x8eu

extern char trap_stubs[];

static struct idt_gate idt[256];

/* Exceptions that may come on a stack that is no good; trap.S has them, too. */
static const u8 ist_of[VEC_EXCEPTIONS] = {
	[VEC_NMI] = 1,
	[VEC_DF] = 2,
	[VEC_MC] = 3,
	[VEC_DB] = 4,
};

/* What ring 3 cannot raise. */
#define NOT_OF_RING3 (BIT(VEC_NMI) | BIT(VEC_DF) | BIT(VEC_MC))

static const char *const names[VEC_EXCEPTIONS] = {
	[VEC_DE] = "divide error",
	[VEC_DB] = "debug exception",
	[VEC_NMI] = "NMI",
	[VEC_BP] = "breakpoint",
	[VEC_OF] = "overflow",
	[VEC_BR] = "bound range exceeded",
	[VEC_UD] = "invalid opcode",
	[VEC_NM] = "device not available",
	[VEC_DF] = "double fault",
	[VEC_TS] = "invalid TSS",
	[VEC_NP] = "segment not present",
	[VEC_SS] = "stack fault",
	[VEC_GP] = "general protection fault",
	[VEC_PF] = "page fault",
	[VEC_MF] = "x87 error",
	[VEC_AC] = "alignment check",
	[VEC_MC] = "machine check",
	[VEC_XM] = "SIMD error",
	[VEC_VE] = "virtualization exception",
	[VEC_CP] = "control protection exception",
};

const char *trap_name(u64 vector)
{
	if (vector < VEC_EXCEPTIONS && names[vector] != NULL)
		return names[vector];
	return "unknown exception";
}

void trap_init(void)
{
	for (u32 v = 0; v < ARRAY_SIZE(idt); v++) {
		u64 stub = (u64)trap_stubs + v * TRAP_STUB_SIZE;

		idt[v] = (struct idt_gate){
			.offset_low = (u16)stub,
			.selector = SEL_CODE,
			.ist = v < VEC_EXCEPTIONS ? ist_of[v] : 0,
			.type = GATE_INTERRUPT,
			.offset_mid = (u16)(stub >> 16),
			.offset_high = (u32)(stub >> 32),
		};
	}
}

void trap_load(void)
{
	struct desc_ptr p = { .limit = sizeof(idt) - 1, .base = (u64)idt };

	idt_load(&p);
}

/*
 * Ring 3's trap flag behind a load of SS holds the debug exception back; on some
 * processors it then comes at the first instruction behind SYSCALL. It will come
 * again in ring 3.
 */
static bool is_held_back(const struct trap_frame *frame)
{
	return frame->vector == VEC_DB && frame->rip == (u64)syscall_entry;
}

static void handle_exception(const struct trap_frame *frame)
{
	/* The VP that panicked stops the others by NMI. */
	if (frame->vector == VEC_NMI && panic_active()) {
		for (;;)
			cpu_halt();
	}
	if (trap_from_ring3(frame) && !(NOT_OF_RING3 & BIT(frame->vector)))
		process_exception(frame);
	else if (!is_held_back(frame))
		panic_trap(frame);
}

void trap_handle(struct trap_frame *frame)
{
	u64 vector = frame->vector;

	if (vector < VEC_EXCEPTIONS) {
		handle_exception(frame);
	} else if (vector == VECTOR_TIMER) {
		apic_eoi();
		timer_interrupt();
	} else if (vector == VECTOR_WAKE) {
		apic_eoi();
	} else if (vector == VECTOR_SYNIC) {
		/* Ended by the hypervisor as it came. */
		synic_interrupt();
	} else if (vector == VECTOR_BUS) {
		synic_bus_interrupt();
	} else if (vector != VECTOR_SPURIOUS) {
		irq_dispatch((u8)vector);
	}
}
