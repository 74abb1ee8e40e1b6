/* SPDX-License-Identifier: MIT */
/*
 * The last words of the hypervisor. The first processor to come here speaks;
 * the others are stopped by NMI. Nothing here waits for a lock, allocates, or
 * trusts a pointer that it has not checked.
 */
#include "hypervisor/die.h"

#include "base/assert.h"
#include "hypervisor/apic.h"
#include "hypervisor/backtrace.h"
#include "hypervisor/console.h"
#include "hypervisor/cpu.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/trap.h"
#include "hypervisor/vp.h"
#include "lib/format.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"

#define TAIL_BYTES 2048u

static u32 dead;

bool dying(void)
{
	return load_relaxed(&dead);
}

static void say(const char *fmt, ...) __printf(1, 2);
static void say(const char *fmt, ...)
{
	char line[256];
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = (size_t)format_va(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	len = MIN(len, sizeof(line) - 2);
	line[len++] = '\n';
	console_write(line, len);
}

static _Noreturn void stop(void)
{
	irq_disable();
	for (;;)
		cpu_halt();
}

/* Only one processor speaks; a second death while speaking just stops. */
static void begin(void)
{
	irq_disable();
	if (atomic_exchange(&dead, 1u))
		stop();
	if (cpu_count > 1)
		apic_send_nmi_others();
	console_take_back();
}

static void say_general(const u64 *r)
{
	static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15" };

	for (u32 i = 0; i < ARRAY_SIZE(names); i += 4)
		say("  %s %016lx  %s %016lx  %s %016lx  %s %016lx", names[i], r[i], names[i + 1],
			r[i + 1], names[i + 2], r[i + 2], names[i + 3], r[i + 3]);
}

static void say_frame(const struct trap_frame *f)
{
	const u64 general[] = { f->rax, f->rcx, f->rdx, f->rbx, f->rsp, f->rbp, f->rsi, f->rdi,
		f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15 };

	say("  rip %016lx  cs %04lx  rflags %08lx  vector %lu  error %lx", f->rip, f->cs, f->rflags,
		f->vector, f->error);
	say_general(general);
	say("  cr0 %016lx  cr2 %016lx  cr3 %016lx  cr4 %016lx", cr0_read(), cr2_read(), cr3_read(),
		cr4_read());
}

static void say_address(u64 address)
{
	char text[96];

	backtrace_name(text, sizeof(text), address);
	say("  %016lx %s", address, text);
}

static void say_log(void)
{
	say("log:");
	log_tail(TAIL_BYTES);
}

_Noreturn void die(const struct trap_frame *frame, const char *fmt, ...)
{
	char text[160];
	va_list args;

	begin();
	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	say_log();
	say("fatal: hypervisor: cpu%u: %s", this_cpu()->index, text);
	if (frame)
		say_frame(frame);
	say("backtrace:");
	if (frame)
		say_address(frame->rip);
	backtrace_own(frame ? frame->rbp : frame_pointer(), say_address);
	say("fatal: the hypervisor has stopped; reset the machine");
	stop();
}

static u64 reg(struct vp *vp, u32 name)
{
	union hv_register_value v = { 0 };

	return virt->get(vp, name, &v) == HV_STATUS_SUCCESS ? v.u64 : 0;
}

static void say_segment(struct vp *vp, const char *name, u32 which)
{
	union hv_register_value v = { 0 };

	if (virt->get(vp, which, &v) == HV_STATUS_SUCCESS)
		say("  %s %04x base %016lx limit %08x attributes %04x", name, v.segment.selector,
			v.segment.base, v.segment.limit, v.segment.attributes);
}

static void say_vp(struct vp *vp)
{
	say("  rip %016lx  rflags %08lx", vp->regs.rip, vp->regs.rflags);
	say_general(vp->regs.gpr);
	say("  cr0 %016lx  cr2 %016lx  cr3 %016lx  cr4 %016lx", reg(vp, HV_X64_REGISTER_CR0),
		reg(vp, HV_X64_REGISTER_CR2), reg(vp, HV_X64_REGISTER_CR3),
		reg(vp, HV_X64_REGISTER_CR4));
	say("  efer %08lx", reg(vp, HV_X64_REGISTER_EFER));
	say_segment(vp, "cs", HV_X64_REGISTER_CS);
	say_segment(vp, "ss", HV_X64_REGISTER_SS);
	say_segment(vp, "tr", HV_X64_REGISTER_TR);
}

_Noreturn void die_root(struct vp *vp, const char *why)
{
	begin();
	virt->dump(vp);
	say_log();
	say("fatal: root partition: vp%u: %s", vp->index, why);
	say_vp(vp);
	say("backtrace:");
	backtrace_use_root(true);
	say_address(vp->regs.rip);
	backtrace_guest(vp, say_address);
	say("fatal: the root partition has stopped; reset the machine");
	stop();
}

_Noreturn void refuse(const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	say("error: %s", text);
	stop();
}

_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
	die(NULL, "assertion failed: %s (%s:%d)", expr, file, line);
}

/* Called by the compiler's stack protector. */
u64 __stack_chk_guard = 0x595e9fbd94fda766;
_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
	die(NULL, "stack overrun");
}
