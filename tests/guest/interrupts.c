/* SPDX-License-Identifier: MIT */
/*
 * Events as a kernel sees them: interrupts held back by RFLAGS.IF, its shadow
 * and the TPR, NMIs and their blocking, single steps over instructions that
 * exit, breakpoints, and instructions that a root may not have.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define LOW    0x50u
#define HIGH   0x61u

#define DR6_B0 BIT(0)
#define DR6_BS BIT(14)
/* DR7: breakpoint 0 on writes of 4 bytes, local. */
#define DR7_WRITE_4 0xd0401ull
#define DR7_NONE    0x400ull

static u8 *code;
static volatile u32 count;
static volatile u8 order[8];
static volatile u32 nmis, nmi_depth, nmi_deepest;
static volatile u32 debugs;
static volatile u64 debug_causes;

static void on_interrupt(u8 vector)
{
	if (count < ARRAY_SIZE(order))
		order[count] = vector;
	count++;
	msr_write(HV_MSR_EOI, 0);
}

static void send_self(u32 vector)
{
	msr_write(HV_MSR_ICR, vector | (u64)APIC_SHORTHAND_SELF << 18 | APIC_ICR_ASSERT);
}

/* By physical destination: the shorthand is for fixed interrupts only. */
static void send_nmi(void)
{
	u32 id = cpuid(1, 0).ebx >> 24;

	msr_write(HV_MSR_ICR, (u64)id << 56 | APIC_DM_NMI << 8 | APIC_ICR_ASSERT);
}

static void one_open_moment(void)
{
	irq_take_pending();
}

static void test_flag(void)
{
	count = 0;
	send_self(LOW);
	guest_check(count == 0, "if-holds", "%u", count);
	one_open_moment();
	guest_check(count == 1, "if-opens", "%u", count);
}

/* Between STI and the next instruction nothing is taken. */
static void test_shadow(void)
{
	static const u8 sti_cli[] = { 0xfb, 0xfa, 0xc3 };
	struct guest_regs regs = { 0 };

	memcpy(code, sti_cli, sizeof(sti_cli));
	count = 0;
	send_self(LOW);
	guest_execute(code, &regs);
	guest_check(count == 0, "sti-shadow-holds", "%u", count);
	one_open_moment();
	guest_check(count == 1, "sti-shadow-ends", "%u", count);
}

static void test_order(void)
{
	count = 0;
	send_self(LOW);
	send_self(HIGH);
	one_open_moment();
	one_open_moment();
	guest_check(count == 2 && order[0] == HIGH && order[1] == LOW, "higher-first", "%u: %x %x",
		count, order[0], order[1]);
}

static void test_tpr(void)
{
	count = 0;
	cr8_write(LOW >> 4);
	send_self(LOW);
	irq_enable();
	cpu_pause();
	guest_check(count == 0, "tpr-holds", "%u", count);
	cr8_write((LOW >> 4) - 1);
	cpu_pause();
	guest_check(count == 1, "tpr-lowered", "%u", count);
	irq_disable();
	cr8_write(LOW >> 4);
	send_self(LOW);
	cr8_write(0);
	guest_check(count == 1, "tpr-lowered-if-holds", "%u", count);
	one_open_moment();
	guest_check(count == 2, "tpr-then-if", "%u", count);
	/* The higher one passes a TPR that holds the lower. */
	count = 0;
	cr8_write(LOW >> 4);
	send_self(LOW);
	send_self(HIGH);
	one_open_moment();
	guest_check(count == 1 && order[0] == HIGH, "tpr-passes-higher", "%u: %x", count, order[0]);
	guest_check(cr8_read() == LOW >> 4, "tpr-reads-back", "%lx", cr8_read());
	cr8_write(0);
	one_open_moment();
	guest_check(count == 2 && order[1] == LOW, "tpr-then-lower", "%u: %x", count, order[1]);
}

static void on_nmi(u8 vector)
{
	(void)vector;
	nmi_depth++;
	nmi_deepest = MAX(nmi_deepest, nmi_depth);
	if (nmis++ == 0) {
		send_nmi();
		cpuid(0, 0);
	}
	nmi_depth--;
}

/* The second comes during the first, and waits for its IRET. */
static void test_nmi(void)
{
	guest_on_exception(VEC_NMI, on_nmi);
	send_nmi();
	cpu_pause();
	guest_check(nmis == 2, "nmi-after-nmi", "%u", nmis);
	guest_check(nmi_deepest == 1, "nmi-blocks-nmi", "%u", nmi_deepest);
	send_nmi();
	cpu_pause();
	guest_check(nmis == 3, "nmi-later", "%u", nmis);
}

static void on_debug(u8 vector)
{
	(void)vector;
	debugs++;
	debug_causes = dr6_read();
	dr6_write(0xffff0ff0);
}

/* TF is set by one POPFQ and cleared by another, which is stepped as well. */
static void test_step(const char *name, const u8 *insn, u32 length, struct guest_regs regs)
{
	static const u8 before[] = { 0x9c, 0x48, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d };
	static const u8 after[] = { 0x90, 0x9c, 0x48, 0x81, 0x24, 0x24, 0xff, 0xfe, 0xff, 0xff,
		0x9d, 0xc3 };

	memcpy(code, before, sizeof(before));
	memcpy(code + sizeof(before), insn, length);
	memcpy(code + sizeof(before) + length, after, sizeof(after));
	debugs = 0;
	debug_causes = 0;
	guest_execute(code, &regs);
	guest_check(debugs == 5 && (debug_causes & DR6_BS), name, "%u steps, dr6 %lx", debugs,
		debug_causes);
}

static void test_steps(void)
{
	static const u8 nop[] = { 0x90 };
	static const u8 cpuid_insn[] = { 0x0f, 0xa2 };
	static const u8 rdmsr[] = { 0x0f, 0x32 };
	static const u8 wbinvd_insn[] = { 0x0f, 0x09 };

	test_step("step-nop", nop, sizeof(nop), (struct guest_regs){ 0 });
	test_step("step-cpuid", cpuid_insn, sizeof(cpuid_insn), (struct guest_regs){ 0 });
	test_step("step-rdmsr", rdmsr, sizeof(rdmsr),
		(struct guest_regs){ .rcx = HV_MSR_APIC_FREQUENCY });
	test_step("step-wbinvd", wbinvd_insn, sizeof(wbinvd_insn), (struct guest_regs){ 0 });
}

static void run_code(void *regs)
{
	guest_execute(code, regs);
}

static bool is_vmx(void)
{
	return strcmp(guest_bootinfo->vendor, "vmx") == 0;
}

static void test_breakpoints(void)
{
	static const u8 int1[] = { 0xf1, 0xc3 };
	static const u8 int3[] = { 0xcc, 0xc3 };
	static const u8 int_n[] = { 0xcd, LOW, 0xc3 };
	static volatile u32 watched;
	struct guest_regs regs = { 0 };

	debugs = 0;
	dr0_write((u64)&watched);
	dr7_write(DR7_WRITE_4);
	watched = 1;
	dr7_write(DR7_NONE);
	guest_check(debugs == 1 && (debug_causes & DR6_B0), "write-breakpoint", "%u, dr6 %lx",
		debugs, debug_causes);
	debugs = 0;
	memcpy(code, int1, sizeof(int1));
	/* Of the machines that tests run on, QEMU with AMD-V does not know it. */
	if (guest_try(run_code, &regs).vector != VEC_UD || is_vmx())
		guest_check(debugs == 1, "int1", "%u", debugs);
	debugs = 0;
	guest_on_exception(VEC_BP, on_debug);
	memcpy(code, int3, sizeof(int3));
	guest_execute(code, &regs);
	guest_check(debugs == 1, "int3", "%u", debugs);
	count = 0;
	memcpy(code, int_n, sizeof(int_n));
	guest_execute(code, &regs);
	guest_check(count == 1 && order[0] == LOW, "int-n", "%u", count);
}

/* STI with TF set, then a fault in the shadow: taken, and with no shadow left. */
static void test_step_fault(void)
{
	static const u8 text[] = { 0x9c, 0x48, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, /* TF on */
		0x9d, 0xfb, 0x0f, 0x32, 0xc3 }; /* POPFQ; STI; RDMSR */
	/* No synthetic one: not even a child's reads as zero. */
	struct guest_regs regs = { .rcx = HV_MSR_LAST };
	struct guest_fault fault;

	memcpy(code, text, sizeof(text));
	fault = guest_try(run_code, &regs);
	irq_disable();
	guest_check(fault.vector == VEC_GP && fault.rip == (u64)code + 11, "step-fault-in-shadow",
		"vector %u at +%ld", fault.vector, (s64)(fault.rip - (u64)code));
}

struct forbidden {
	const char *name;
	u8 bytes[6];
};

/* All with operands that need no memory but what RAX points to. */
static const struct forbidden forbidden[] = {
	{ "vmxon", { 0xf3, 0x0f, 0xc7, 0x30, 0xc3 } },
	{ "vmclear", { 0x66, 0x0f, 0xc7, 0x30, 0xc3 } },
	{ "vmptrld", { 0x0f, 0xc7, 0x30, 0xc3 } },
	{ "vmptrst", { 0x0f, 0xc7, 0x38, 0xc3 } },
	{ "vmread", { 0x0f, 0x78, 0xc1, 0xc3 } },
	{ "vmwrite", { 0x0f, 0x79, 0xc1, 0xc3 } },
	{ "vmlaunch", { 0x0f, 0x01, 0xc2, 0xc3 } },
	{ "vmresume", { 0x0f, 0x01, 0xc3, 0xc3 } },
	{ "vmxoff", { 0x0f, 0x01, 0xc4, 0xc3 } },
	{ "invept", { 0x66, 0x0f, 0x38, 0x80, 0x08, 0xc3 } },
	{ "invvpid", { 0x66, 0x0f, 0x38, 0x81, 0x08, 0xc3 } },
	{ "vmfunc", { 0x0f, 0x01, 0xd4, 0xc3 } },
	{ "vmrun", { 0x0f, 0x01, 0xd8, 0xc3 } },
	{ "vmload", { 0x0f, 0x01, 0xda, 0xc3 } },
	{ "vmsave", { 0x0f, 0x01, 0xdb, 0xc3 } },
	{ "stgi", { 0x0f, 0x01, 0xdc, 0xc3 } },
	{ "clgi", { 0x0f, 0x01, 0xdd, 0xc3 } },
	{ "skinit", { 0x0f, 0x01, 0xde, 0xc3 } },
	{ "invlpga", { 0x0f, 0x01, 0xdf, 0xc3 } },
	{ "monitor", { 0x0f, 0x01, 0xc8, 0xc3 } },
	{ "mwait", { 0x0f, 0x01, 0xc9, 0xc3 } },
	{ "getsec", { 0x0f, 0x37, 0xc3 } },
	{ "rsm", { 0x0f, 0xaa, 0xc3 } },
	{ "rdpmc", { 0x0f, 0x33, 0xc3 } },
};

static void test_forbidden(void)
{
	u64 *page = guest_pages(1);

	for (u32 i = 0; i < ARRAY_SIZE(forbidden); i++) {
		struct guest_regs regs = { .rax = (u64)page };
		struct guest_fault fault;

		memcpy(code, forbidden[i].bytes, sizeof(forbidden[i].bytes));
		fault = guest_try(run_code, &regs);
		guest_check(fault.vector == VEC_UD && fault.rip == (u64)code, forbidden[i].name,
			"vector %u at +%ld", fault.vector, (s64)(fault.rip - (u64)code));
	}
}

void guest_main(void)
{
	code = guest_pages(1);
	guest_on_interrupt(LOW, on_interrupt);
	guest_on_interrupt(HIGH, on_interrupt);
	guest_on_exception(VEC_DB, on_debug);
	test_flag();
	test_shadow();
	test_order();
	test_tpr();
	test_nmi();
	test_steps();
	test_breakpoints();
	test_step_fault();
	test_forbidden();
}
