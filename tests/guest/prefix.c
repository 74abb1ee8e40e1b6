/* SPDX-License-Identifier: MIT */
/*
 * Prefixed forms of every intercepted instruction: each is legal, does what
 * the plain form does, and the next instruction is the one behind it. Behind
 * each stands "mov $0x600d, %r8d; ret", so that a wrong length shows.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "lib/format.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define MARK 0x600du

struct form {
	const char *name;
	u8 length;
	u8 bytes[15];
};

static u8 *code;
static struct guest_regs regs;

static void run(void *unused)
{
	(void)unused;
	guest_execute(code, &regs);
}

/* Runs one form; true if it came back without a fault at the right place. */
static bool execute(const struct form *f)
{
	static const u8 tail[] = { 0x41, 0xb8, MARK & 0xff, MARK >> 8, 0, 0, 0xc3 };
	struct guest_fault fault;

	memcpy(code, f->bytes, f->length);
	memcpy(code + f->length, tail, sizeof(tail));
	fault = guest_try(run, NULL);
	if (fault.vector != GUEST_NO_FAULT)
		guest_fail(f->name, "vector %u at +%lu", fault.vector, fault.rip - (u64)code);
	else if (regs.r8 != MARK)
		guest_fail(f->name, "went on at the wrong place");
	else
		return true;
	return false;
}

static const struct form cpuid_forms[] = {
	{ "cpuid", 2, { 0x0f, 0xa2 } },
	{ "cpuid-66", 3, { 0x66, 0x0f, 0xa2 } },
	{ "cpuid-f2", 3, { 0xf2, 0x0f, 0xa2 } },
	{ "cpuid-f3", 3, { 0xf3, 0x0f, 0xa2 } },
	{ "cpuid-67", 3, { 0x67, 0x0f, 0xa2 } },
	{ "cpuid-rex", 3, { 0x48, 0x0f, 0xa2 } },
	{ "cpuid-seg", 4, { 0x2e, 0x65, 0x0f, 0xa2 } },
	{ "cpuid-15", 15,
		{ 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x4f,
			0x0f, 0xa2 } },
};

static void test_cpuid(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(cpuid_forms); i++) {
		regs = (struct guest_regs){ .rax = HV_CPUID_VENDOR };
		if (execute(&cpuid_forms[i]))
			guest_check(regs.rbx == HV_VENDOR_EBX && regs.rcx == HV_VENDOR_ECX &&
					    regs.rdx == HV_VENDOR_EDX,
				cpuid_forms[i].name, "wrong values");
	}
}

static const struct form rdmsr_forms[] = {
	{ "rdmsr", 2, { 0x0f, 0x32 } },
	{ "rdmsr-66", 3, { 0x66, 0x0f, 0x32 } },
	{ "rdmsr-f3", 3, { 0xf3, 0x0f, 0x32 } },
	{ "rdmsr-rex", 3, { 0x48, 0x0f, 0x32 } },
	{ "rdmsr-seg", 4, { 0x64, 0x3e, 0x0f, 0x32 } },
};

static const struct form wrmsr_forms[] = {
	{ "wrmsr", 2, { 0x0f, 0x30 } },
	{ "wrmsr-66", 3, { 0x66, 0x0f, 0x30 } },
	{ "wrmsr-f2", 3, { 0xf2, 0x0f, 0x30 } },
	{ "wrmsr-rex", 3, { 0x48, 0x0f, 0x30 } },
};

static void test_msr(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(rdmsr_forms); i++) {
		regs = (struct guest_regs){ .rcx = HV_MSR_APIC_FREQUENCY };
		if (execute(&rdmsr_forms[i]))
			guest_check(regs.rax == (u32)msr_read(HV_MSR_APIC_FREQUENCY),
				rdmsr_forms[i].name, "wrong value");
	}
	for (u32 i = 0; i < ARRAY_SIZE(wrmsr_forms); i++) {
		regs = (struct guest_regs){ .rcx = HV_MSR_TPR, .rax = 0x20 };
		if (execute(&wrmsr_forms[i]))
			guest_check(cr8_read() == 2, wrmsr_forms[i].name, "not written");
		cr8_write(0);
	}
}

static const struct form hypercall_forms[2][5] = {
	{
		{ "vmmcall", 3, { 0x0f, 0x01, 0xd9 } },
		{ "vmmcall-rex", 4, { 0x48, 0x0f, 0x01, 0xd9 } },
		{ "vmmcall-seg", 4, { 0x3e, 0x0f, 0x01, 0xd9 } },
		{ "vmmcall-67", 4, { 0x67, 0x0f, 0x01, 0xd9 } },
		{ "vmmcall-rex2", 5, { 0x65, 0x4f, 0x0f, 0x01, 0xd9 } },
	},
	{
		{ "vmcall", 3, { 0x0f, 0x01, 0xc1 } },
		{ "vmcall-rex", 4, { 0x48, 0x0f, 0x01, 0xc1 } },
		{ "vmcall-seg", 4, { 0x3e, 0x0f, 0x01, 0xc1 } },
		{ "vmcall-67", 4, { 0x67, 0x0f, 0x01, 0xc1 } },
		{ "vmcall-rex2", 5, { 0x65, 0x4f, 0x0f, 0x01, 0xc1 } },
	},
};

static void test_hypercall(void)
{
	/* The page needs an OS id before the instruction means anything. */
	guest_hypercall(HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST, 0, 0);
	for (u32 i = 0; i < 5; i++) {
		const struct form *f = &hypercall_forms[guest_is_vmx()][i];

		regs = (struct guest_regs){ .rax = 1,
			.rcx = HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST };
		if (execute(f))
			guest_check(regs.rax == HV_STATUS_SUCCESS, f->name, "status %lx", regs.rax);
	}
}

/* HLT with an interrupt pending and then taken: STI first, CLI behind. */
static const struct form hlt_forms[] = {
	{ "hlt", 3, { 0xfb, 0xf4, 0xfa } },
	{ "hlt-66", 4, { 0xfb, 0x66, 0xf4, 0xfa } },
	{ "hlt-f3", 4, { 0xfb, 0xf3, 0xf4, 0xfa } },
	{ "hlt-rex", 4, { 0xfb, 0x48, 0xf4, 0xfa } },
	{ "hlt-seg-67", 5, { 0xfb, 0x2e, 0x67, 0xf4, 0xfa } },
};

static volatile u32 interrupts;

static void on_interrupt(u8 vector)
{
	(void)vector;
	interrupts++;
	msr_write(HV_MSR_EOI, 0);
}

static void test_hlt(void)
{
	guest_on_interrupt(0x50, on_interrupt);
	for (u32 i = 0; i < ARRAY_SIZE(hlt_forms); i++) {
		u32 before = interrupts;

		regs = (struct guest_regs){ 0 };
		msr_write(HV_MSR_ICR, 0x50 | (u64)APIC_SHORTHAND_SELF << 18 | APIC_ICR_ASSERT);
		if (execute(&hlt_forms[i]))
			guest_check(interrupts == before + 1, hlt_forms[i].name, "%u interrupts",
				interrupts - before);
	}
}

/* MOV to and from CR4, with general registers beyond RDI, and RBX for CR0. */
static const struct form cr_forms[] = {
	{ "mov-cr4-rax", 3, { 0x0f, 0x22, 0xe0 } },
	{ "mov-cr4-rbx", 3, { 0x0f, 0x22, 0xe3 } },
	{ "mov-cr4-r8", 4, { 0x41, 0x0f, 0x22, 0xe0 } },
	{ "mov-cr4-66", 4, { 0x66, 0x0f, 0x22, 0xe0 } },
	{ "mov-cr4-f3-rex", 5, { 0xf3, 0x48, 0x0f, 0x22, 0xe0 } },
	{ "mov-cr4-mod0", 3, { 0x0f, 0x22, 0x20 } },
};

static void test_cr4(void)
{
	u64 cr4 = cr4_read();

	for (u32 i = 0; i < ARRAY_SIZE(cr_forms); i++) {
		regs = (struct guest_regs){
			.rax = cr4 ^ CR4_TSD, .rbx = cr4 ^ CR4_TSD, .r8 = cr4 ^ CR4_TSD
		};
		if (execute(&cr_forms[i]))
			guest_check(cr4_read() == (cr4 ^ CR4_TSD), cr_forms[i].name, "cr4 %lx",
				cr4_read());
		cr4_write(cr4);
	}
}

static const struct form cr0_forms[] = {
	{ "mov-cr0", 3, { 0x0f, 0x22, 0xc0 } },
	{ "mov-cr0-rex", 4, { 0x48, 0x0f, 0x22, 0xc0 } },
	{ "lmsw", 3, { 0x0f, 0x01, 0xf0 } },
	{ "lmsw-66", 4, { 0x66, 0x0f, 0x01, 0xf0 } },
};

static void test_cr0(void)
{
	static const struct form clts[] = {
		{ "clts", 2, { 0x0f, 0x06 } },
		{ "clts-f2", 3, { 0xf2, 0x0f, 0x06 } },
	};
	u64 cr0 = cr0_read();

	for (u32 i = 0; i < ARRAY_SIZE(cr0_forms); i++) {
		regs = (struct guest_regs){ .rax = cr0 | CR0_TS };
		if (execute(&cr0_forms[i]))
			guest_check(cr0_read() == (cr0 | CR0_TS), cr0_forms[i].name, "cr0 %lx",
				cr0_read());
		cr0_write(cr0);
	}
	for (u32 i = 0; i < ARRAY_SIZE(clts); i++) {
		cr0_write(cr0 | CR0_TS);
		if (execute(&clts[i]))
			guest_check(cr0_read() == cr0, clts[i].name, "cr0 %lx", cr0_read());
		cr0_write(cr0);
	}
}

static const struct form cache_forms[] = {
	{ "wbinvd", 2, { 0x0f, 0x09 } },
	{ "wbinvd-66", 3, { 0x66, 0x0f, 0x09 } },
	{ "invd", 2, { 0x0f, 0x08 } },
	{ "invd-66", 3, { 0x66, 0x0f, 0x08 } },
	{ "invd-rex", 3, { 0x48, 0x0f, 0x08 } },
};

static void test_cache(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(cache_forms); i++) {
		regs = (struct guest_regs){ 0 };
		if (execute(&cache_forms[i]))
			guest_pass(cache_forms[i].name);
	}
}

static const struct form xsetbv_forms[] = {
	{ "xsetbv", 3, { 0x0f, 0x01, 0xd1 } },
	{ "xsetbv-rex", 4, { 0x48, 0x0f, 0x01, 0xd1 } },
	{ "xsetbv-seg", 4, { 0x26, 0x0f, 0x01, 0xd1 } },
};

static void test_xsetbv(void)
{
	if (!(cpuid(1, 0).ecx & BIT(26)))
		return;
	cr4_write(cr4_read() | CR4_OSXSAVE);
	for (u32 i = 0; i < ARRAY_SIZE(xsetbv_forms); i++) {
		xcr0_write(XCR0_X87);
		regs = (struct guest_regs){ .rax = XCR0_X87 | XCR0_SSE };
		if (execute(&xsetbv_forms[i]))
			guest_check(xcr0_read() == (XCR0_X87 | XCR0_SSE), xsetbv_forms[i].name,
				"xcr0 %lx", xcr0_read());
	}
}

/* Ports that are refused: the fault is at the instruction's first byte, whatever its form. */
static const struct form io_forms[] = {
	{ "in-al-imm", 2, { 0xe4, 0x20 } },
	{ "in-al-dx", 1, { 0xec } },
	{ "in-ax-dx", 2, { 0x66, 0xed } },
	{ "in-eax-imm", 2, { 0xe5, 0x20 } },
	{ "out-al-dx", 1, { 0xee } },
	{ "out-seg-imm", 3, { 0x2e, 0xe6, 0x20 } },
	{ "rep-insb", 2, { 0xf3, 0x6c } },
	{ "rep-outsw", 3, { 0xf3, 0x66, 0x6f } },
	{ "outsb-fs-67", 3, { 0x64, 0x67, 0x6e } },
};

static void test_io(void)
{
	void *buffer = guest_pages(1);

	for (u32 i = 0; i < ARRAY_SIZE(io_forms); i++) {
		struct guest_fault fault;

		memcpy(code, io_forms[i].bytes, io_forms[i].length);
		code[io_forms[i].length] = 0xc3;
		regs = (struct guest_regs){
			.rcx = 1, .rdx = 0x20, .rsi = (u64)buffer, .rdi = (u64)buffer
		};
		fault = guest_try(run, NULL);
		guest_check(fault.vector == VEC_GP && fault.rip == (u64)code, io_forms[i].name,
			"vector %u at +%ld", fault.vector, (s64)(fault.rip - (u64)code));
	}
}

/* The APIC's page: each way to move four bytes. RDI points to the TPR. */
static const struct form store_forms[] = {
	{ "apic-mov-store", 2, { 0x89, 0x07 } },
	{ "apic-mov-imm", 6, { 0xc7, 0x07, 0x30, 0, 0, 0 } },
	{ "apic-mov-disp", 6, { 0x89, 0x87, 0, 0, 0, 0 } },
	{ "apic-mov-sib", 3, { 0x89, 0x04, 0x27 } },
	{ "apic-mov-67", 3, { 0x67, 0x89, 0x07 } },
	{ "apic-xchg", 2, { 0x87, 0x07 } },
	{ "apic-or", 2, { 0x09, 0x07 } },
};

static void test_apic_page(void)
{
	volatile u32 *tpr = (volatile u32 *)(APIC_DEFAULT_BASE + APIC_TPR);

	for (u32 i = 0; i < ARRAY_SIZE(store_forms); i++) {
		*tpr = 0;
		regs = (struct guest_regs){ .rax = 0x30, .rdi = (u64)tpr };
		if (execute(&store_forms[i]))
			guest_check(*tpr == 0x30, store_forms[i].name, "tpr %x", *tpr);
	}
	*tpr = 0;
}

void guest_main(void)
{
	code = guest_pages(1);
	test_cpuid();
	test_msr();
	test_hypercall();
	test_hlt();
	test_cr4();
	test_cr0();
	test_cache();
	test_xsetbv();
	/* A child's are not refused: child_io.c. */
	if (!guest_is_child())
		test_io();
	test_apic_page();
}
