/* SPDX-License-Identifier: MIT */
/*
 * The last words of the hypervisor. The first processor to come here speaks;
 * the others are stopped by NMI. Nothing here waits for a lock, allocates, or
 * trusts a pointer that it has not checked. The log comes first, so that what
 * matters most is what a small screen still shows; lines fit in 80 columns.
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
#include "x86/msr.h"

#define TAIL_BYTES      8192u
#define ON_A_LINE       3u

#define MCG_STATUS_MCIP BIT(2)
#define MCI_VALID       BIT(63)
#define MSR_MCI(bank)   (MSR_MC0_CTL + 4 * (bank))

/* 0, or 1 + the number of the processor that speaks. */
static u32 dead;

struct value {
	const char *name;
	u64 value;
};

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

static _Noreturn void end(const char *who)
{
	say("fatal: the %s has stopped; reset the machine", who);
	stop();
}

/*
 * Only one processor speaks. If its own report fails, it still says so, once;
 * who is told to be the speaker then is nobody.
 */
static void begin(void)
{
	u32 self = 1 + this_cpu()->index;
	u32 speaker = 0;

	irq_disable();
	if (!atomic_compare_exchange(&dead, &speaker, self)) {
		if (speaker != self || atomic_exchange(&dead, ~0u) != self)
			stop();
		say("fatal: hypervisor: another fault in the middle of this report");
		end("hypervisor");
	}
	/* A processor that just starts is not counted yet. */
	if (cpu_count > 1 || this_cpu()->index > 0)
		apic_send_nmi_others();
	console_take_back();
}

static void say_values(const struct value *v, u32 count)
{
	char line[96];

	for (u32 i = 0; i < count;) {
		size_t len = 0;

		for (u32 stop_at = MIN(i + ON_A_LINE, count); i < stop_at; i++)
			len += (size_t)format(line + len, sizeof(line) - len, "  %-6s %016lx",
				v[i].name, v[i].value);
		say("%s", line);
	}
}

static void say_frame(const struct trap_frame *f)
{
	const struct value values[] = {
		{ "rip", f->rip },
		{ "rflags", f->rflags },
		{ "error", f->error },
		{ "rax", f->rax },
		{ "rbx", f->rbx },
		{ "rcx", f->rcx },
		{ "rdx", f->rdx },
		{ "rsi", f->rsi },
		{ "rdi", f->rdi },
		{ "rsp", f->rsp },
		{ "rbp", f->rbp },
		{ "r8", f->r8 },
		{ "r9", f->r9 },
		{ "r10", f->r10 },
		{ "r11", f->r11 },
		{ "r12", f->r12 },
		{ "r13", f->r13 },
		{ "r14", f->r14 },
		{ "r15", f->r15 },
		{ "cs", f->cs },
		{ "cr0", cr0_read() },
		{ "cr2", cr2_read() },
		{ "cr3", cr3_read() },
		{ "cr4", cr4_read() },
	};

	say_values(values, ARRAY_SIZE(values));
}

/* Without an exception only these still mean something. */
static void say_own_registers(void)
{
	const struct value values[] = {
		{ "rsp", stack_pointer() },
		{ "rbp", frame_pointer() },
		{ "rflags", rflags_read() },
		{ "cr2", cr2_read() },
		{ "cr3", cr3_read() },
		{ "cr4", cr4_read() },
	};

	say_values(values, ARRAY_SIZE(values));
}

/* What the hardware complains of, if this is a machine check. */
static void say_machine_check(void)
{
	u64 cap, v, address = 0, misc = 0;

	if (!msr_read_safe(MSR_MCG_STATUS, &v) || !(v & MCG_STATUS_MCIP) ||
		!msr_read_safe(MSR_MCG_CAP, &cap))
		return;
	say("  machine check status %016lx", v);
	for (u32 bank = 0; bank < (cap & 0xff); bank++) {
		if (!msr_read_safe(MSR_MCI(bank) + 1, &v) || !(v & MCI_VALID))
			continue;
		if (!msr_read_safe(MSR_MCI(bank) + 2, &address) ||
			!msr_read_safe(MSR_MCI(bank) + 3, &misc))
			address = misc = 0;
		say("  bank %u status %016lx address %lx misc %lx", bank, v, address, misc);
	}
}

static void say_named(u64 address, bool returned)
{
	char text[96];

	backtrace_name(text, sizeof(text), address, returned);
	say("  %016lx %s", address, text);
}

/* A function that calls itself takes one line. */
static struct {
	u64 last;
	u32 repeats;
} walk;

static void end_repeats(void)
{
	if (walk.repeats)
		say("  ... %u times more", walk.repeats);
	walk.repeats = 0;
}

static void say_return(u64 address)
{
	if (address == walk.last) {
		walk.repeats++;
		return;
	}
	end_repeats();
	walk.last = address;
	say_named(address, true);
}

static void say_log(void)
{
	say("log:");
	log_tail(TAIL_BYTES);
}

static void say_root_backtrace(struct vp *vp)
{
	backtrace_use_root(true);
	say_named(vp->regs.rip, false);
	backtrace_guest(vp, say_return);
	end_repeats();
}

/* Where the VPs of the other processors were; their stacks are out of reach. */
static void say_other_vps(void)
{
	for (u32 i = 0; i < cpu_count; i++) {
		const struct vp *vp = cpus[i]->root_vp;
		char text[96];

		if (cpus[i] == this_cpu() || !vp || load_relaxed(&vp->stop) & VP_STOP_STARTUP)
			continue;
		backtrace_name(text, sizeof(text), vp->regs.rip, false);
		say("root partition: vp%u: %016lx %s", i, vp->regs.rip, text);
	}
}

/* Where the root was: an NMI may mean that it hangs. */
static void say_root(const struct trap_frame *frame)
{
	struct vp *vp = this_cpu()->root_vp;

	if (!vp || this_cpu()->current != vp)
		return;
	if (frame && virt->catch_up)
		virt->catch_up(vp, frame->rip);
	say("root partition: vp%u:", vp->index);
	say_root_backtrace(vp);
	say_other_vps();
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
	say_machine_check();
	if (frame)
		say_frame(frame);
	else
		say_own_registers();
	say("backtrace:");
	if (frame)
		say_named(frame->rip, false);
	backtrace_own(frame ? frame->rbp : frame_pointer(), say_return);
	end_repeats();
	say_root(frame);
	end("hypervisor");
}

static u64 reg(struct vp *vp, u32 name)
{
	union hv_register_value v = { 0 };

	return virt->get(vp, name, &v) == HV_STATUS_SUCCESS ? v.u64 : 0;
}

static void say_vp_values(struct vp *vp)
{
	const u64 *gpr = vp->regs.gpr;
	const struct value values[] = {
		{ "rip", vp->regs.rip },
		{ "rflags", vp->regs.rflags },
		{ "efer", reg(vp, HV_X64_REGISTER_EFER) },
		{ "rax", gpr[GPR_RAX] },
		{ "rbx", gpr[GPR_RBX] },
		{ "rcx", gpr[GPR_RCX] },
		{ "rdx", gpr[GPR_RDX] },
		{ "rsi", gpr[GPR_RSI] },
		{ "rdi", gpr[GPR_RDI] },
		{ "rsp", gpr[GPR_RSP] },
		{ "rbp", gpr[GPR_RBP] },
		{ "r8", gpr[GPR_R8] },
		{ "r9", gpr[GPR_R9] },
		{ "r10", gpr[GPR_R10] },
		{ "r11", gpr[GPR_R11] },
		{ "r12", gpr[GPR_R12] },
		{ "r13", gpr[GPR_R13] },
		{ "r14", gpr[GPR_R14] },
		{ "r15", gpr[GPR_R15] },
		{ "cr8", reg(vp, HV_X64_REGISTER_CR8) },
		{ "cr0", reg(vp, HV_X64_REGISTER_CR0) },
		{ "cr2", reg(vp, HV_X64_REGISTER_CR2) },
		{ "cr3", reg(vp, HV_X64_REGISTER_CR3) },
		{ "cr4", reg(vp, HV_X64_REGISTER_CR4) },
	};

	say_values(values, ARRAY_SIZE(values));
}

static void say_segment(struct vp *vp, const char *name, u32 which)
{
	union hv_register_value v = { 0 };

	if (virt->get(vp, which, &v) == HV_STATUS_SUCCESS)
		say("  %-6s %04x base %016lx limit %08x attributes %04x", name, v.segment.selector,
			v.segment.base, v.segment.limit, v.segment.attributes);
}

static void say_table(struct vp *vp, const char *name, u32 which)
{
	union hv_register_value v = { 0 };

	if (virt->get(vp, which, &v) == HV_STATUS_SUCCESS)
		say("  %-6s      base %016lx limit %08x", name, v.table.base, v.table.limit);
}

_Noreturn void die_root(struct vp *vp, const char *why)
{
	begin();
	say_log();
	say("fatal: root partition: vp%u: %s", vp->index, why);
	if (vp->event.valid)
		say("  while vector %u was delivered", vp->event.vector);
	say_vp_values(vp);
	say_segment(vp, "cs", HV_X64_REGISTER_CS);
	say_segment(vp, "ss", HV_X64_REGISTER_SS);
	say_segment(vp, "tr", HV_X64_REGISTER_TR);
	say_table(vp, "gdtr", HV_X64_REGISTER_GDTR);
	say_table(vp, "idtr", HV_X64_REGISTER_IDTR);
	say("backtrace:");
	say_root_backtrace(vp);
	say_other_vps();
	end("root partition");
}

_Noreturn void refuse(const char *fmt, ...)
{
	char text[240];
	va_list args;

	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	begin();
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
