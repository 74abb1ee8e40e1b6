/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own exceptions and interrupts. Interrupts come only while
 * it lets them: in irq_take_pending() and when it halts. Any exception without
 * a fix-up is a bug of ours and ends in die().
 */
#include "hypervisor/trap.h"

#include "hypervisor/apic.h"
#include "hypervisor/backtrace.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/irq.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/paging.h"

struct fixup {
	u64 fault;
	u64 resume;
};

extern const u8 trap_stubs[256][16];
extern const struct fixup fixup_start[], fixup_end[];

static struct idt_gate idt[256];

void trap_init(void)
{
	for (u32 i = 0; i < 256; i++) {
		u64 entry = (u64)trap_stubs[i];

		idt[i] = (struct idt_gate){
			.offset_low = (u16)entry,
			.selector = SEL_CODE,
			.type = 0x8e,
			.offset_mid = (u16)(entry >> 16),
			.offset_high = (u32)(entry >> 32),
		};
	}
}

void trap_table_load(void)
{
	struct desc_ptr p = { sizeof(idt) - 1, (u64)idt };

	idt_load(&p);
	/* VM exits on VT-x load it from here. */
	this_cpu()->idt = idt;
}

void trap_use_ist(void)
{
	idt[VEC_NMI].ist = TRAP_IST_NMI;
	idt[VEC_DF].ist = TRAP_IST_DF;
	idt[VEC_MC].ist = TRAP_IST_MC;
}

static const char *const exception_names[VEC_EXCEPTIONS] = {
	[VEC_DE] = "divide error",
	[VEC_DB] = "debug",
	[VEC_NMI] = "non-maskable interrupt (NMI)",
	[VEC_BP] = "breakpoint",
	[VEC_OF] = "overflow",
	[VEC_BR] = "bound range",
	[VEC_UD] = "invalid opcode",
	[VEC_NM] = "device not available",
	[VEC_DF] = "double fault",
	[VEC_TS] = "invalid TSS",
	[VEC_NP] = "segment not present",
	[VEC_SS] = "stack fault",
	[VEC_GP] = "general protection",
	[VEC_PF] = "page fault",
	[VEC_MF] = "x87 error",
	[VEC_AC] = "alignment check",
	[VEC_MC] = "machine check",
	[VEC_XM] = "SIMD error",
	[VEC_CP] = "control protection",
};

static bool fix_up(struct trap_frame *frame)
{
	for (const struct fixup *f = fixup_start; f < fixup_end; f++)
		if (frame->rip == f->fault) {
			frame->rip = f->resume;
			return true;
		}
	return false;
}

static const char *page_access(u64 error)
{
	if (error & PF_FETCH)
		return "execution of";
	return error & PF_W ? "write to" : "read of";
}

static void handle_exception(struct trap_frame *frame)
{
	const char *name = exception_names[frame->vector];

	if (frame->vector == VEC_GP && fix_up(frame))
		return;
	/*
	 * We set neither breakpoints nor TF. One emulator carries the trap of a
	 * guest that steps over its exit, to our first instruction after it, when
	 * GS is still the guest's.
	 */
	if (frame->vector == VEC_DB)
		return;
	if (frame->vector == VEC_NMI && dying())
		for (;;)
			cpu_halt();
	if (frame->vector == VEC_PF)
		die(frame, "%s: %s %016lx, %s", name, page_access(frame->error), cr2_read(),
			frame->error & PF_P ? "not allowed" : "not mapped");
	if (frame->vector == VEC_DF && backtrace_is_guard(cr2_read()))
		die(frame, "%s: stack overflow", name);
	die(frame, "%s", name ? name : "reserved exception");
}

void trap_handle(struct trap_frame *frame)
{
	if (frame->vector < VEC_EXCEPTIONS)
		handle_exception(frame);
	else
		irq_dispatch((u8)frame->vector);
}
