/* SPDX-License-Identifier: MIT */
/*
 * x87, SSE and wider state through exits of every kind: a pattern is loaded,
 * the exit is made, the registers still hold it. Also with components switched
 * off in XCR0 meanwhile, with CR0.TS, and without CR4.OSXSAVE.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/hypercall.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/io.h"
#include "x86/mmio.h"
#include "x86/msr.h"
#include "x86/xsave.h"

#define VECTOR     0x50u
#define AREA_PAGES 2u
#define MXCSR      0x3f80u /* flush to zero off, exceptions masked, round down */
#define FCW        0x0f7fu
#define ST_OFFSET  32u
#define XMM_OFFSET 160u
#define XMM_SIZE   256u
#define XSTATE_BV  512u

static u8 *pattern, *seen;
static u64 mask;
static u32 turn;

static u8 byte_at(u32 offset)
{
	return (u8)((offset * 37 + turn * 101) ^ (offset >> 8));
}

static void fill(u32 offset, u32 size)
{
	for (u32 i = offset; i < offset + size; i++)
		pattern[i] = byte_at(i);
}

/* Another pattern each time, so that no leftover passes for it. */
static void make_pattern(void)
{
	turn++;
	memset(pattern, 0, AREA_PAGES * PAGE_SIZE);
	*(u16 *)(void *)pattern = FCW;
	pattern[4] = 0xff;
	*(u32 *)(void *)(pattern + 24) = MXCSR;
	for (u32 i = 0; i < 8; i++)
		fill(ST_OFFSET + 16 * i, 10);
	fill(XMM_OFFSET, XMM_SIZE);
	for (u32 i = 2; i < 63; i++) {
		struct cpuid_regs r = cpuid(0xd, i);

		if (mask >> i & 1)
			fill(r.ebx, r.eax);
	}
	*(u64 *)(void *)(pattern + XSTATE_BV) = mask;
}

static bool same(u32 offset, u32 size)
{
	return memcmp(pattern + offset, seen + offset, size) == 0;
}

static bool survived(void)
{
	bool ok;

	memset(seen, 0, AREA_PAGES * PAGE_SIZE);
	if (mask)
		xsave(seen, mask);
	else
		fxsave(seen);
	ok = same(0, 5) && same(24, 4) && same(XMM_OFFSET, XMM_SIZE);
	for (u32 i = 0; i < 8; i++)
		ok = ok && same(ST_OFFSET + 16 * i, 10);
	for (u32 i = 2; i < 63; i++) {
		struct cpuid_regs r = cpuid(0xd, i);

		if (mask >> i & 1)
			ok = ok && same(r.ebx, r.eax);
	}
	return ok;
}

static volatile u32 interrupts, nmis;

static void on_interrupt(u8 vector)
{
	(void)vector;
	interrupts++;
	msr_write(HV_MSR_EOI, 0);
}

static void on_nmi(u8 vector)
{
	(void)vector;
	nmis++;
}

static u32 apic(u32 reg)
{
	return mmio_read32((const volatile void *)(APIC_DEFAULT_BASE + reg));
}

static void apic_set(u32 reg, u32 v)
{
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + reg), v);
}

static void do_nothing(void)
{
	barrier();
}

static void do_cpuid(void)
{
	(void)cpuid(1, 0);
}

static void do_fast_call(void)
{
	(void)guest_hypercall(HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST, 1, 0);
}

static void do_slow_call(void)
{
	static u64 *out;

	if (!out)
		out = guest_pages(1);
	(void)guest_hypercall(HV_CALL_GET_PARTITION_ID, 0, (u64)out);
}

static void do_rdmsr(void)
{
	(void)msr_read(HV_MSR_TIME_REF_COUNT);
}

static void do_wrmsr(void)
{
	msr_write(HV_MSR_TPR, 0);
}

static void do_apic_page(void)
{
	apic_set(APIC_TPR, 0);
	(void)apic(APIC_ID);
}

static void do_self_ipi(void)
{
	irq_enable();
	apic_set(APIC_ICR, VECTOR | APIC_SHORTHAND_SELF << 18);
	irq_disable();
}

static void do_nmi(void)
{
	u32 before = nmis;

	apic_set(APIC_ICR_HIGH, apic(APIC_ID) & 0xff000000);
	apic_set(APIC_ICR, APIC_DM_NMI << 8);
	while (nmis == before)
		cpu_pause();
}

static void timer_start(void)
{
	apic_set(APIC_TIMER_DIVIDE, 0xb);
	apic_set(APIC_LVT_TIMER, VECTOR);
	apic_set(APIC_TIMER_INITIAL, 20000);
}

static void do_halt(void)
{
	u32 before = interrupts;

	timer_start();
	while (interrupts == before)
		irq_wait();
}

static void do_timer(void)
{
	u32 before = interrupts;

	timer_start();
	irq_enable();
	while (interrupts == before)
		cpu_pause();
	irq_disable();
}

static void do_device(void)
{
	static u64 gib = 60;

	(void)*(volatile u32 *)(gib++ * GIB);
}

static void read_hidden(void *p)
{
	(void)*(volatile u8 *)p;
}

static void do_refused(void)
{
	(void)guest_try(read_hidden, (void *)((u64)guest_start_info - PAGE_SIZE));
}

static void refused_port(void *p)
{
	(void)in8((u16)(u64)p);
}

static void do_port(void)
{
	(void)guest_try(refused_port, (void *)0x20);
}

static void do_cr4(void)
{
	cr4_write(cr4_read() ^ CR4_TSD);
	cr4_write(cr4_read() ^ CR4_TSD);
}

static void do_wbinvd(void)
{
	wbinvd();
}

static void do_undefined(void)
{
	static u8 *code;
	static struct guest_regs regs;

	if (!code) {
		code = guest_pages(1);
		memcpy(code, "\x0f\x01\xc8\xc3", 4); /* MONITOR is not offered */
	}
	(void)regs;
	(void)guest_try((void (*)(void *))code, NULL);
}

/* CR0.TS keeps the guest from its state, and must not stop the hypervisor. */
static void do_switched(void)
{
	cr0_write(cr0_read() | CR0_TS);
	do_cpuid();
	do_slow_call();
	do_halt();
	cr0_write(cr0_read() & ~CR0_TS);
}

static const struct {
	const char *name;
	void (*fn)(void);
} exits[] = {
	{ "nothing", do_nothing },
	{ "cpuid", do_cpuid },
	{ "hypercall-fast", do_fast_call },
	{ "hypercall-slow", do_slow_call },
	{ "rdmsr", do_rdmsr },
	{ "wrmsr", do_wrmsr },
	{ "apic-page", do_apic_page },
	{ "self-ipi", do_self_ipi },
	{ "nmi", do_nmi },
	{ "halt", do_halt },
	{ "timer", do_timer },
	{ "device", do_device },
	{ "refused-memory", do_refused },
	{ "refused-port", do_port },
	{ "cr4", do_cr4 },
	{ "wbinvd", do_wbinvd },
	{ "undefined", do_undefined },
	{ "task-switched", do_switched },
};

static void pattern_load(void)
{
	make_pattern();
	if (mask)
		xrstor(pattern, mask);
	else
		fxrstor(pattern);
}

static void test_exits(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(exits); i++) {
		exits[i].fn();
		pattern_load();
		exits[i].fn();
		exits[i].fn();
		guest_check(survived(), exits[i].name);
	}
}

/* What XCR0 or CR4 hide for a while is there again afterwards. */
static void test_hidden_components(void)
{
	static const u64 least[] = { XCR0_X87, XCR0_X87 | XCR0_SSE };
	bool ok = true;

	for (u32 i = 0; i < ARRAY_SIZE(least); i++) {
		pattern_load();
		xcr0_write(least[i]);
		do_cpuid();
		do_slow_call();
		do_halt();
		ok = ok && xcr0_read() == least[i];
		xcr0_write(mask);
		do_halt();
		ok = ok && xcr0_read() == mask && survived();
	}
	guest_check(ok, "xcr0-narrow-and-wide");
	pattern_load();
	cr4_write(cr4_read() & ~CR4_OSXSAVE);
	do_cpuid();
	do_slow_call();
	do_halt();
	cr4_write(cr4_read() | CR4_OSXSAVE);
	guest_check(xcr0_read() == mask && survived(), "without-osxsave");
}

/* A component in its initial state stays in it: nothing of the hypervisor's shows. */
static void test_initial(void)
{
	bool ok = true;

	memset(pattern, 0, AREA_PAGES * PAGE_SIZE);
	*(u32 *)(void *)(pattern + 24) = 0x1f80;
	xrstor(pattern, mask);
	do_cpuid();
	do_slow_call();
	do_halt();
	memset(seen, 0, AREA_PAGES * PAGE_SIZE);
	xsave(seen, mask);
	for (u32 i = 0; i < XMM_SIZE; i++)
		ok = ok && seen[XMM_OFFSET + i] == 0;
	for (u32 i = 2; i < 63; i++) {
		struct cpuid_regs r = cpuid(0xd, i);

		for (u32 at = r.ebx; mask >> i & 1 && at < r.ebx + r.eax; at++)
			ok = ok && seen[at] == 0;
	}
	guest_check(ok, "initial-state");
}

void guest_main(void)
{
	pattern = guest_pages(AREA_PAGES);
	seen = guest_pages(AREA_PAGES);
	guest_on_interrupt(VECTOR, on_interrupt);
	guest_on_exception(VEC_NMI, on_nmi);
	if (cpuid(1, 0).ecx & BIT(26)) {
		cr4_write(cr4_read() | CR4_OSXSAVE);
		mask = cpuid(0xd, 0).eax;
		xcr0_write(mask);
	}
	guest_print("xcr0 %lx\r\n", mask);
	test_exits();
	if (mask) {
		test_hidden_components();
		test_initial();
	}
}
