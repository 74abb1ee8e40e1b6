/* SPDX-License-Identifier: MIT */
/*
 * When interrupts, NMIs and debug traps arrive: not while they are masked, at
 * once when they no longer are, each exactly once; and that an event whose
 * delivery had to be interrupted arrives all the same. The stack for those
 * lies in device space that the hypervisor maps at the first touch.
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

#define VECTOR   0x50u
#define SOFT     0x80u
#define SPIN     2000u
#define FAR_BASE (256 * GIB)

extern u64 gdt[7];

static u8 *code;
static struct guest_regs regs;
static volatile u32 interrupts, nmis, depth, deepest, traps;
static volatile u64 seen;

static u64 own_icr(u32 low)
{
	return (u64)(cpuid(1, 0).ebx >> 24) << 56 | APIC_ICR_ASSERT | low;
}

static void send_interrupt(void)
{
	msr_write(HV_MSR_ICR, own_icr(VECTOR));
}

static void send_nmi(void)
{
	msr_write(HV_MSR_ICR, own_icr(APIC_DM_NMI << 8));
}

static void on_interrupt(u8 vector)
{
	(void)vector;
	interrupts++;
	seen = *(volatile u64 *)(code + 256);
	msr_write(HV_MSR_EOI, 0);
}

static void spin(void)
{
	for (volatile u32 i = 0; i < SPIN; i++)
		;
}

static void run(const void *bytes, size_t size)
{
	memcpy(code, bytes, size);
	guest_execute(code, &regs);
}

static void test_interrupt_flag(void)
{
	interrupts = 0;
	irq_disable();
	send_interrupt();
	spin();
	guest_check(interrupts == 0, "if-off", "%u interrupts", interrupts);
	irq_enable();
	spin();
	guest_check(interrupts == 1, "if-on", "%u interrupts", interrupts);
}

/* CLI; send; STI; one instruction that must still run; a second one. */
static void test_sti_shadow(void)
{
	/* wrmsr; sti; movq $1, (%rdi); movq $2, (%rdi); nop; ret */
	static const u8 bytes[] = { 0x0f, 0x30, 0xfb, 0x48, 0xc7, 0x07, 1, 0, 0, 0, 0x48, 0xc7,
		0x07, 2, 0, 0, 0, 0x90, 0xc3 };
	u64 icr = own_icr(VECTOR);

	interrupts = 0;
	irq_disable();
	*(u64 *)(code + 256) = 0;
	regs = (struct guest_regs){
		.rax = (u32)icr, .rdx = icr >> 32, .rcx = HV_MSR_ICR, .rdi = (u64)code + 256
	};
	run(bytes, sizeof(bytes));
	guest_check(interrupts == 1, "sti-interrupt", "%u interrupts", interrupts);
	guest_check(seen == 1, "sti-shadow", "interrupt came after store %lu", seen);
}

static void test_tpr(const char *name, u64 closed)
{
	interrupts = 0;
	cr8_write(closed);
	send_interrupt();
	spin();
	guest_check(interrupts == 0, name, "%u interrupts at TPR %lu", interrupts, closed);
	cr8_write((VECTOR >> 4) - 1);
	spin();
	guest_check(interrupts == 1, name, "%u interrupts at a lower TPR", interrupts);
	guest_check(cr8_read() == (VECTOR >> 4) - 1, name, "TPR reads %lu", cr8_read());
	cr8_write(0);
}

static void on_nmi(u8 vector)
{
	(void)vector;
	depth++;
	if (depth > deepest)
		deepest = depth;
	nmis++;
	if (nmis == 1)
		send_nmi();
	spin();
	depth--;
}

static void on_trap(u8 vector)
{
	(void)vector;
	traps++;
	dr6_write(0xffff0ff0);
}

/* The second NMI is sent while the first is handled. */
static void test_nmi(void)
{
	u64 flags;

	nmis = depth = deepest = traps = 0;
	irq_disable();
	send_nmi();
	spin();
	flags = rflags_read();
	guest_check(nmis == 2, "nmi-count", "%u NMIs", nmis);
	guest_check(deepest == 1, "nmi-nesting", "%u deep", deepest);
	guest_check(!(flags & RFLAGS_TF) && traps == 0, "nmi-no-trace", "flags %lx, %u traps",
		flags, traps);
	guest_check((dr6_read() & 0x4000) == 0, "nmi-dr6", "%lx", dr6_read());
	nmis = 2;
	send_nmi();
	spin();
	guest_check(nmis == 3, "nmi-again", "%u NMIs", nmis);
	irq_enable();
}

/* With an interrupt under way at the same time, both come. */
static void test_nmi_and_interrupt(void)
{
	nmis = 2;
	interrupts = 0;
	irq_disable();
	send_interrupt();
	send_nmi();
	irq_enable();
	spin();
	guest_check(nmis == 3, "both-nmi", "%u NMIs", nmis - 2);
	guest_check(interrupts == 1, "both-interrupt", "%u interrupts", interrupts);
}

/* A trap after each instruction, the emulated ones among them. */
static void test_single_step(void)
{
	/* pushfq; orl $TF, (%rsp); popfq; cpuid; rdmsr; nop; pushfq; andl $~TF, (%rsp); popfq; ret */
	static const u8 bytes[] = { 0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x0f, 0xa2, 0x89,
		0xf9, 0x0f, 0x32, 0x90, 0x9c, 0x81, 0x24, 0x24, 0xff, 0xfe, 0xff, 0xff, 0x9d,
		0xc3 };

	traps = 0;
	regs = (struct guest_regs){ .rdi = HV_MSR_VP_INDEX };
	run(bytes, sizeof(bytes));
	/* CPUID, MOV, RDMSR, NOP, PUSHF, AND, POPF */
	guest_check(traps == 7, "single-step", "%u traps", traps);
}

/* Another TSS, whose IST1 is set per case. */
static struct tss far_tss;

static struct idt_gate *gate(u8 vector)
{
	struct desc_ptr idt;

	idt_store(&idt);
	return (struct idt_gate *)idt.base + vector;
}

static void load_far_tss(void)
{
	u64 base = (u64)&far_tss;

	gdt[5] = (sizeof(far_tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[6] = base >> 32;
	far_tss.iomap_base = sizeof(far_tss);
	tr_load(SEL_TSS);
}

/*
 * At code + 128, the handler: counts at (RDI), takes the stack back from RSI
 * and returns from guest_execute(). What the processor pushed is lost.
 * At code: saves the stack pointer, and raises the event.
 */
static const u8 far_handler[] = { 0x48, 0xff, 0x07, /* incq (%rdi) */
	0x48, 0x8b, 0x26,                           /* movq (%rsi), %rsp */
	0xc3 };

struct far_case {
	const char *name;
	u8 vector;
	u8 length;
	u8 bytes[8];
};

/* movq %rsp, (%rsi) stands before each; ud2 behind would show a wrong return. */
static const struct far_case far_cases[] = {
	{ "far-int-n", SOFT, 2, { 0xcd, SOFT } }, { "far-int-n-66", SOFT, 3, { 0x66, 0xcd, SOFT } },
	{ "far-int3", VEC_BP, 1, { 0xcc } }, { "far-ud", VEC_UD, 2, { 0x0f, 0x0b } },
	{ "far-interrupt", VECTOR, 6, { 0x0f, 0x30, 0xfb, 0xeb, 0xfe } }, /* wrmsr; sti; jmp . */
	{ "far-nmi", VEC_NMI, 4, { 0x0f, 0x30, 0xeb, 0xfe } },            /* wrmsr; jmp . */
};

static void far_run(const struct far_case *c, u64 stack)
{
	static const u8 save[] = { 0x48, 0x89, 0x26 }; /* movq %rsp, (%rsi) */
	u64 entry = (u64)code + 128;
	struct idt_gate *g = gate(c->vector), old = *g;
	u64 icr = own_icr(c->vector == VEC_NMI ? APIC_DM_NMI << 8 : VECTOR);

	memcpy(code, save, sizeof(save));
	memcpy(code + sizeof(save), c->bytes, c->length);
	memcpy(code + 128, far_handler, sizeof(far_handler));
	*(u64 *)(code + 256) = 0;
	far_tss.ist[0] = stack;
	*g = (struct idt_gate){ .offset_low = (u16)entry,
		.selector = SEL_CODE,
		.ist = 1,
		.type = 0x8e,
		.offset_mid = (u16)(entry >> 16),
		.offset_high = (u32)(entry >> 32) };
	regs = (struct guest_regs){ .rax = (u32)icr,
		.rdx = icr >> 32,
		.rcx = HV_MSR_ICR,
		.rdi = (u64)code + 256,
		.rsi = (u64)code + 264 };
	irq_disable();
	guest_execute(code, &regs);
	*g = old;
	if (c->vector == VECTOR)
		msr_write(HV_MSR_EOI, 0);
	guest_check(
		*(u64 *)(code + 256) == 1, c->name, "delivered %lu times", *(u64 *)(code + 256));
}

/* Each case has a GiB of its own, so that its first push is the first touch. */
static void test_far_stack(void)
{
	u64 stack = 1ull << ((u8)cpuid(0x80000008, 0).eax - 1);

	/* The identity map covers 512 GiB, where 1 GiB pages exist. */
	if (!(cpuid(0x80000001, 0).edx & BIT(26)))
		return;
	stack = MIN(stack, FAR_BASE);
	load_far_tss();
	for (u32 i = 0; i < ARRAY_SIZE(far_cases); i++)
		far_run(&far_cases[i], stack + i * GIB + 0x1000);
	irq_enable();
}

void guest_main(void)
{
	code = guest_pages(1);
	guest_on_interrupt(VECTOR, on_interrupt);
	guest_on_exception(VEC_NMI, on_nmi);
	guest_on_exception(VEC_DB, on_trap);
	test_interrupt_flag();
	test_sti_shadow();
	test_tpr("tpr-above", 6);
	test_tpr("tpr-equal", VECTOR >> 4);
	test_nmi();
	test_nmi_and_interrupt();
	test_single_step();
	/* A child has nothing that is mapped at the first touch. */
	if (!guest_is_child())
		test_far_stack();
}
