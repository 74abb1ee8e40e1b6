/* SPDX-License-Identifier: MIT */
/*
 * The virtual local APIC by each way to reach it: its page, x2APIC MSRs where
 * CPUID has them, synthetic MSRs. Registers, priorities, IPIs to oneself,
 * errors, NMIs, modes. apic_timer.c has the timer, smp.c other processors.
 * child: svm-smp1-bios vmx-smp1
 */
#include "x86/apic.h"
#include "hv/msr.h"
#include "lib/format.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define LOG_MAX 64u
#define X2APIC  BIT(21)

static u8 taken[LOG_MAX];
static volatile u32 taken_count;
static u32 own_id;
static const char *prefix;
static bool x2;

static u32 get(u32 reg)
{
	return x2 ? (u32)msr_read(MSR_X2APIC(reg))
		  : mmio_read32((const volatile void *)(APIC_DEFAULT_BASE + reg));
}

static void set(u32 reg, u32 v)
{
	if (x2)
		msr_write(MSR_X2APIC(reg), v);
	else
		mmio_write32((volatile void *)(APIC_DEFAULT_BASE + reg), v);
}

static void icr(u32 dest, u32 low)
{
	if (x2) {
		msr_write(MSR_X2APIC(APIC_ICR), (u64)dest << 32 | low);
		return;
	}
	set(APIC_ICR_HIGH, dest << 24);
	set(APIC_ICR, low);
}

static void check(bool ok, const char *what)
{
	char name[64];

	format(name, sizeof(name), "%s-%s", prefix, what);
	if (ok) {
		guest_pass(name);
		return;
	}
	guest_fail(
		name, "%u taken: %x %x %x %x", taken_count, taken[0], taken[1], taken[2], taken[3]);
}

static void note(u8 vector)
{
	if (taken_count < LOG_MAX)
		taken[taken_count] = vector;
	taken_count++;
}

static void on_plain(u8 vector)
{
	note(vector);
	set(APIC_EOI, 0);
}

static void restart(void)
{
	taken_count = 0;
	memset(taken, 0, sizeof(taken));
}

static void self(u8 vector)
{
	icr(0, vector | APIC_SHORTHAND_SELF << 18 | (u32)APIC_ICR_ASSERT);
}

static bool bit(u32 reg, u8 vector)
{
	return get(reg + vector / 32 * 16) >> vector % 32 & 1;
}

/* Exactly these were taken since restart(), in this order. */
static bool took(u32 count, const u8 *vectors)
{
	return taken_count == count && memcmp(taken, vectors, count) == 0;
}

#define TOOK(...) took(sizeof((u8[]){ __VA_ARGS__ }), (u8[]){ __VA_ARGS__ })

static void test_identity(void)
{
	check(get(APIC_ID) == (x2 ? own_id : own_id << 24), "id");
	check(get(APIC_VERSION) == 0x60014, "version");
	check((get(APIC_SVR) & 0x1ff) == 0x1ff, "svr");
}

static void test_priority_registers(void)
{
	set(APIC_TPR, 0x35);
	check(get(APIC_TPR) == 0x35 && get(APIC_PPR) == 0x35 && cr8_read() == 3 &&
			msr_read(HV_MSR_TPR) == 0x35,
		"tpr");
	cr8_write(7);
	check(get(APIC_TPR) == 0x70 && get(APIC_PPR) == 0x70 && msr_read(HV_MSR_TPR) == 0x70,
		"tpr-by-cr8");
	msr_write(HV_MSR_TPR, 0x12);
	check(get(APIC_TPR) == 0x12 && cr8_read() == 1, "tpr-by-synthetic");
	set(APIC_TPR, 0);
	check(cr8_read() == 0 && get(APIC_PPR) == 0, "tpr-zero");
}

static void tpr_by_register(u8 priority)
{
	set(APIC_TPR, (u32)priority << 4);
}

static void tpr_by_cr8(u8 priority)
{
	cr8_write(priority);
}

static void tpr_by_synthetic(u8 priority)
{
	msr_write(HV_MSR_TPR, (u64)priority << 4);
}

/* What the TPR holds back stays pending, and comes when the TPR falls. */
static void test_masking(void (*tpr)(u8 priority), const char *name)
{
	bool ok;

	restart();
	irq_enable();
	tpr(5);
	self(0x45);
	self(0x55);
	self(0x61);
	ok = TOOK(0x61) && bit(APIC_IRR, 0x45) && bit(APIC_IRR, 0x55) && !bit(APIC_IRR, 0x61);
	tpr(4);
	ok = ok && TOOK(0x61, 0x55) && bit(APIC_IRR, 0x45);
	tpr(15);
	self(0xf1);
	ok = ok && TOOK(0x61, 0x55) && bit(APIC_IRR, 0xf1);
	tpr(0);
	ok = ok && TOOK(0x61, 0x55, 0xf1, 0x45);
	irq_disable();
	check(ok, name);
}

static void test_order(void)
{
	restart();
	self(0x31);
	self(0x81);
	self(0x41);
	self(0xf1);
	self(0x82);
	self(0x81);
	check(taken_count == 0 && bit(APIC_IRR, 0x31) && bit(APIC_IRR, 0xf1), "held-by-if");
	irq_take_pending();
	check(TOOK(0xf1, 0x82, 0x81, 0x41, 0x31), "priority-order");
	check(!bit(APIC_ISR, 0xf1) && !bit(APIC_IRR, 0xf1), "all-ended");
}

static bool nested_ok;

/* 0x40 lets 0x60 in; 0x60 keeps 0x50 and 0x68 out until its end. */
static void on_outer(u8 vector)
{
	note(vector);
	nested_ok = bit(APIC_ISR, 0x40) && get(APIC_PPR) == 0x40;
	irq_enable();
	self(0x60);
	irq_disable();
	note(1);
	set(APIC_EOI, 0);
}

static void on_inner(u8 vector)
{
	note(vector);
	nested_ok =
		nested_ok && bit(APIC_ISR, 0x60) && bit(APIC_ISR, 0x40) && get(APIC_PPR) == 0x60;
	irq_enable();
	self(0x50);
	self(0x68);
	irq_disable();
	note(2);
	nested_ok = nested_ok && bit(APIC_IRR, 0x50) && bit(APIC_IRR, 0x68);
	set(APIC_EOI, 0);
	nested_ok =
		nested_ok && !bit(APIC_ISR, 0x60) && bit(APIC_ISR, 0x40) && get(APIC_PPR) == 0x40;
}

static void test_nesting(void)
{
	restart();
	guest_on_interrupt(0x40, on_outer);
	guest_on_interrupt(0x60, on_inner);
	self(0x40);
	irq_take_pending();
	guest_on_interrupt(0x40, on_plain);
	guest_on_interrupt(0x60, on_plain);
	check(TOOK(0x40, 0x60, 2, 0x68, 0x50, 1) && nested_ok, "nested-eoi");
	set(APIC_EOI, 0);
	check(get(APIC_PPR) == 0, "eoi-of-nothing");
}

static void test_self_ipis(void)
{
	u32 i = 0;

	restart();
	irq_enable();
	icr(own_id, 0x51);
	check(TOOK(0x51), "self-by-id");
	icr(0, 0x52 | APIC_SHORTHAND_SELF << 18);
	check(TOOK(0x51, 0x52), "self-by-shorthand");
	icr(0, 0x53 | APIC_SHORTHAND_ALL << 18);
	check(TOOK(0x51, 0x52, 0x53), "self-by-all");
	icr(x2 ? ~0u : 0xff, 0x54);
	check(TOOK(0x51, 0x52, 0x53, 0x54), "self-by-broadcast");
	icr(0, 0x55 | APIC_SHORTHAND_OTHERS << 18);
	icr(own_id + 100, 0x55);
	check(taken_count == 4, "not-self");
	if (x2) {
		icr(get(APIC_LDR), 0x56 | (u32)APIC_ICR_LOGICAL);
	} else {
		set(APIC_LDR, 0x02000000);
		icr(0x06, 0x56 | (u32)APIC_ICR_LOGICAL);
		icr(0x05, 0x57 | (u32)APIC_ICR_LOGICAL);
	}
	check(taken_count == 5 && taken[4] == 0x56, "self-by-logical");
	msr_write(HV_MSR_ICR, 0x58 | (u64)APIC_SHORTHAND_SELF << 18);
	check(taken_count == 6 && taken[5] == 0x58, "self-by-synthetic");
	if (x2) {
		set(APIC_SELF_IPI, 0x59);
		check(taken_count == 7 && taken[6] == 0x59, "self-by-register");
	}
	for (i = 16; i < 32; i++) {
		/* Legal for an APIC; the stubs of 17 and 21 expect the exception's error code. */
		if (i == VEC_AC || i == VEC_CP)
			continue;
		irq_disable();
		self((u8)i);
		if (!bit(APIC_IRR, (u8)i))
			break;
		guest_on_exception((u8)i, on_plain);
		irq_take_pending();
		guest_on_exception((u8)i, NULL);
	}
	irq_disable();
	check(i == 32, "vectors-16-to-31");
}

static void test_software_disable(void)
{
	restart();
	set(APIC_LVT_LINT0, 0x700);
	set(APIC_SVR, 0xff);
	check(get(APIC_LVT_LINT0) == 0x10700 && get(APIC_LVT_TIMER) & APIC_LVT_MASKED,
		"disable-masks-lvts");
	set(APIC_LVT_LINT0, 0x700);
	check(get(APIC_LVT_LINT0) == 0x10700, "disabled-lvt-stays-masked");
	self(0x51);
	check(!bit(APIC_IRR, 0x51), "disabled-takes-nothing");
	set(APIC_SVR, 0x1ff);
	irq_take_pending();
	check(taken_count == 0 && get(APIC_LVT_LINT0) == 0x10700, "enabled-again");
	self(0x51);
	irq_take_pending();
	check(TOOK(0x51), "enabled-takes");
}

static const struct {
	u32 reg;
	u32 bits;
} lvts[] = {
	{ APIC_LVT_TIMER, 0x300ff },
	{ APIC_LVT_THERMAL, 0x107ff },
	{ APIC_LVT_PERF, 0x107ff },
	{ APIC_LVT_LINT0, 0x1a7ff },
	{ APIC_LVT_LINT1, 0x1a7ff },
	{ APIC_LVT_ERROR, 0x100ff },
	{ APIC_LVT_CMCI, 0x107ff },
};

static void do_set(void *p)
{
	u64 v = (u64)p;

	set((u32)(v >> 32), (u32)v);
}

/* By page what is reserved is dropped, by MSR it is refused. */
static void test_lvts(void)
{
	bool ok = true;

	for (u32 i = 0; i < ARRAY_SIZE(lvts); i++) {
		u64 all = (u64)lvts[i].reg << 32 | 0xffffffff;
		u32 old = get(lvts[i].reg);

		ok = ok && (old & APIC_LVT_MASKED);
		ok = ok && (guest_try(do_set, (void *)all).vector == VEC_GP) == x2;
		if (x2)
			set(lvts[i].reg, lvts[i].bits);
		ok = ok && get(lvts[i].reg) == lvts[i].bits;
		set(lvts[i].reg, (u32)APIC_LVT_MASKED);
	}
	check(ok, "lvt-bits");
}

static u32 errors(void)
{
	set(APIC_ESR, 0);
	return get(APIC_ESR);
}

static void test_errors(void)
{
	restart();
	(void)errors();
	set(APIC_LVT_ERROR, 0x71);
	irq_enable();
	self(5);
	check(TOOK(0x71) && errors() == APIC_ESR_SEND_ILLEGAL && errors() == 0, "esr-send-illegal");
	/* A timer with an illegal vector: the interrupt is received illegal. */
	set(APIC_TIMER_DIVIDE, 0xb);
	set(APIC_LVT_TIMER, 5);
	set(APIC_TIMER_INITIAL, 1);
	for (u32 i = 0; i < 1000 && taken_count < 2; i++)
		guest_delay_us(100);
	check(TOOK(0x71, 0x71) && errors() == APIC_ESR_RECV_ILLEGAL, "esr-receive-illegal");
	set(APIC_LVT_TIMER, (u32)APIC_LVT_MASKED);
	if (!x2) {
		(void)get(0x40);
		check(TOOK(0x71, 0x71, 0x71) && errors() == APIC_ESR_ILLEGAL_REG, "esr-register");
		(void)get(0x3f0);
		check(errors() == APIC_ESR_ILLEGAL_REG, "esr-register-of-x2apic");
	}
	set(APIC_LVT_ERROR, (u32)APIC_LVT_MASKED);
	irq_disable();
	(void)errors();
}

static volatile u32 nmi_count, nmi_depth, nmi_deepest;

/* The first sends two more: they are one, and wait for its IRET. */
static void on_nmi(u8 vector)
{
	(void)vector;
	nmi_depth++;
	nmi_deepest = MAX(nmi_deepest, nmi_depth);
	if (nmi_count++ == 0) {
		icr(own_id, APIC_DM_NMI << 8);
		icr(own_id, APIC_DM_NMI << 8);
		(void)cpuid(1, 0);
	}
	nmi_depth--;
}

static void test_nmi(void)
{
	nmi_count = nmi_depth = nmi_deepest = 0;
	guest_on_exception(VEC_NMI, on_nmi);
	icr(own_id, APIC_DM_NMI << 8);
	guest_delay_us(50);
	check(nmi_count == 2 && nmi_deepest == 1, "nmi-not-nested");
	icr(own_id, APIC_DM_NMI << 8);
	guest_delay_us(50);
	check(nmi_count == 3, "nmi-again");
	guest_on_exception(VEC_NMI, NULL);
}

static u8 *code;
static struct guest_regs regs;
static u64 rip_seen, r8_seen;

static void on_look(u8 vector)
{
	rip_seen = guest_frame->rip;
	r8_seen = guest_frame->r8;
	note(vector);
	set(APIC_EOI, 0);
}

static void run(const u8 *bytes, u32 size)
{
	restart();
	rip_seen = 0;
	memcpy(code, bytes, size);
	regs = (struct guest_regs){ 0 };
	guest_on_interrupt(0x51, on_look);
	self(0x51);
	guest_execute(code, &regs);
	guest_on_interrupt(0x51, on_plain);
}

/* STI, INC R8, INC R8: the shadow covers the first INC only. */
static void test_shadow(void)
{
	static const u8 sti[] = { 0xfb, 0x49, 0xff, 0xc0, 0x49, 0xff, 0xc0, 0xfa, 0xc3 };
	static const u8 hlt[] = { 0xfb, 0xf4, 0x49, 0xff, 0xc0, 0xfa, 0xc3 };
	static const u8 cli[] = { 0xfb, 0xfa, 0x49, 0xff, 0xc0, 0xc3 };

	run(sti, sizeof(sti));
	check(TOOK(0x51) && r8_seen == 1 && rip_seen == (u64)code + 4, "sti-shadow");
	run(hlt, sizeof(hlt));
	check(TOOK(0x51) && r8_seen == 0 && rip_seen == (u64)code + 2, "sti-hlt");
	run(cli, sizeof(cli));
	check(taken_count == 0 && bit(APIC_IRR, 0x51), "sti-cli");
	irq_take_pending();
}

/* The same interrupts by hand: HLT ends by a self-sent NMI and by the timer. */
static void test_halt(void)
{
	restart();
	set(APIC_TIMER_DIVIDE, 0xb);
	set(APIC_LVT_TIMER, 0x72);
	set(APIC_TIMER_INITIAL, 20000);
	irq_wait();
	check(TOOK(0x72), "halt-until-timer");
	set(APIC_LVT_TIMER, (u32)APIC_LVT_MASKED);
}

static void test_way(void)
{
	test_identity();
	test_priority_registers();
	test_masking(tpr_by_register, "masked-by-tpr");
	test_masking(tpr_by_cr8, "masked-by-cr8");
	test_masking(tpr_by_synthetic, "masked-by-synthetic");
	test_order();
	test_nesting();
	test_self_ipis();
	test_software_disable();
	test_lvts();
	test_errors();
	test_nmi();
	test_shadow();
	test_halt();
}

static void do_base(void *p)
{
	msr_write(MSR_APIC_BASE, (u64)p);
}

static bool base_refused(u64 v)
{
	u64 before = msr_read(MSR_APIC_BASE);

	return guest_try(do_base, (void *)v).vector == VEC_GP && msr_read(MSR_APIC_BASE) == before;
}

static void test_base(void)
{
	u64 base = msr_read(MSR_APIC_BASE);

	check(base_refused(base + PAGE_SIZE) && base_refused(base | BIT(40)), "base-move");
	check(base_refused(base ^ APIC_BASE_BSP), "base-bsp");
	check(base_refused(base | 1) && base_refused(base | BIT(9)) && base_refused(base | BIT(63)),
		"base-reserved");
	check(base_refused((base & ~APIC_BASE_ENABLE) | APIC_BASE_X2APIC), "base-x2apic-alone");
	if (!(cpuid(1, 0).ecx & X2APIC))
		check(base_refused(base | APIC_BASE_X2APIC), "base-x2apic-absent");
}

/* Off and on again resets all but the identity. */
static void test_off(void)
{
	u64 base = msr_read(MSR_APIC_BASE) & ~APIC_BASE_X2APIC;

	set(APIC_TPR, 0x20);
	set(APIC_LVT_ERROR, 0x71);
	msr_write(MSR_APIC_BASE, base & ~APIC_BASE_ENABLE);
	check(!(msr_read(MSR_APIC_BASE) & APIC_BASE_ENABLE) && cr8_read() == 0, "base-off");
	check(base_refused(base | APIC_BASE_X2APIC), "base-off-to-x2apic");
	x2 = false;
	msr_write(MSR_APIC_BASE, base);
	check(get(APIC_SVR) == 0xff && get(APIC_TPR) == 0 &&
			get(APIC_LVT_ERROR) == APIC_LVT_MASKED && get(APIC_ID) == own_id << 24,
		"base-on");
	set(APIC_SVR, 0x1ff);
	restart();
	self(0x51);
	irq_take_pending();
	check(TOOK(0x51), "works-after-off");
}

static void do_get(void *p)
{
	(void)msr_read(MSR_X2APIC((u32)(u64)p));
}

static bool x2_refuses(u32 reg, u32 v)
{
	return guest_try(do_set, (void *)((u64)reg << 32 | v)).vector == VEC_GP;
}

static bool x2_hides(u32 reg)
{
	return guest_try(do_get, (void *)(u64)reg).vector == VEC_GP;
}

/* What is different: no page, read-only LDR, no DFR, strict reserved bits. */
static void test_x2apic(void)
{
	u64 base = msr_read(MSR_APIC_BASE);

	msr_write(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
	x2 = true;
	prefix = "x2apic";
	check(get(APIC_LDR) == ((own_id >> 4) << 16 | 1u << (own_id & 15)), "ldr");
	check(x2_refuses(APIC_LDR, 0) && x2_refuses(APIC_ID, 0) && x2_refuses(APIC_VERSION, 0) &&
			x2_refuses(APIC_DFR, 0) && x2_refuses(APIC_ICR_HIGH, 0) &&
			x2_refuses(APIC_PPR, 0) && x2_refuses(APIC_ISR, 0) &&
			x2_refuses(APIC_TIMER_CURRENT, 0),
		"read-only");
	check(x2_hides(APIC_EOI) && x2_hides(APIC_SELF_IPI) && x2_hides(APIC_DFR) &&
			x2_hides(APIC_ICR_HIGH) && x2_hides(0x40) && x2_hides(APIC_RRD) &&
			x2_hides(APIC_APR),
		"unreadable");
	check(x2_refuses(APIC_TPR, 0x100) && x2_refuses(APIC_EOI, 1) &&
			x2_refuses(APIC_SVR, 0x1000) && x2_refuses(APIC_ESR, 1) &&
			x2_refuses(APIC_TIMER_DIVIDE, 4) && x2_refuses(APIC_SELF_IPI, 0x100),
		"reserved-bits");
	test_way();
	check(base_refused(base), "base-back-to-xapic");
	test_off();
}

void guest_main(void)
{
	for (u32 v = 0x20; v < 0x100; v++)
		guest_on_interrupt((u8)v, on_plain);
	code = guest_pages(1);
	own_id = guest_bootinfo->apic_ids[msr_read(HV_MSR_VP_INDEX)];
	prefix = "page";
	test_way();
	test_base();
	test_off();
	if (cpuid(1, 0).ecx & X2APIC)
		test_x2apic();
}
