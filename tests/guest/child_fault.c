/* SPDX-License-Identifier: MIT */
/*
 * Exceptions of a child that its worker or the hypervisor raises: with the
 * right frame, once, and merged with what comes of their delivery as the
 * architecture says. Those that no handler can take are tests/guest/act.c's.
 * machines: none
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
#include "x86/paging.h"

#define NOTHING 0xd0000000u           /* between RAM and 4 GiB */
#define ABSENT  0x0000600000000000ull /* mapped to nothing at all */
#define VECTOR  0x50u
#define NOBODY  0x1234u
#define REFUSED HV_MSR_LAST
#define AT_RBX  0xffu

static u8 *code;
static struct guest_regs regs;

struct raise {
	const char *name;
	u8 length;
	u8 bytes[8];
	u8 vector;
	u8 rip; /* behind the code's start, or AT_RBX */
	u32 error;
	u64 cr2;
};

enum { WORKER_GP, WORKER_PF, HYPERVISOR_GP, HYPERVISOR_UD, PROCESSOR_PF, PROCESSOR_GP };

/* RDI names an absent page, RBX nothing, RCX an MSR that there is not, RDX a port. */
static const struct raise raises[] = {
	[WORKER_GP] = { "by-worker-gp", 2, { 0x11, 0x03 }, VEC_GP, 0, 0, 0 },   /* ADC (RBX), EAX */
	[WORKER_PF] = { "by-worker-pf", 1, { 0x6c }, VEC_PF, 0, PF_W, ABSENT }, /* INSB */
	[HYPERVISOR_GP] = { "by-hypervisor-gp", 2, { 0x0f, 0x32 }, VEC_GP, 0, 0, 0 }, /* RDMSR */
	/* STGI, which is nothing on VT-x. */
	[HYPERVISOR_UD] = { "by-hypervisor-ud", 3, { 0x0f, 0x01, 0xdc }, VEC_UD, 0, 0, 0 },
	[PROCESSOR_PF] = { "by-processor-pf", 2, { 0x89, 0x07 }, VEC_PF, 0, PF_W, ABSENT },
	[PROCESSOR_GP] = { "by-processor-gp", 2, { 0x8e, 0xd8 }, VEC_GP, 0, 0x1234, 0 },
	{ "by-worker-ud", 2, { 0xff, 0xe3 }, VEC_UD, AT_RBX, 0, 0 }, /* JMP RBX */
	{ "by-processor-de", 2, { 0xf7, 0xf6 }, VEC_DE, 0, 0, 0 },   /* DIV ESI */
	{ "breakpoint", 1, { 0xcc }, VEC_BP, 1, 0, 0 },
	{ "software", 2, { 0xcd, VECTOR }, VECTOR, 2, 0, 0 },
};

static void run(void *p)
{
	const u64 *stack = p;

	if (stack)
		guest_run_on(*stack, (u64)code, 0x1234, ABSENT);
	else
		guest_execute(code, &regs);
}

static struct guest_fault raise(const struct raise *e, u64 *stack)
{
	memset(code, 0xf4, 64);
	memcpy(code, e->bytes, e->length);
	regs = (struct guest_regs){
		.rax = 0x1234, .rbx = NOTHING, .rcx = REFUSED, .rdx = NOBODY, .rdi = ABSENT
	};
	return guest_try(run, stack);
}

static void test_raises(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(raises); i++) {
		const struct raise *e = &raises[i];
		struct guest_fault f = raise(e, NULL);
		u64 rip = e->rip == AT_RBX ? NOTHING : (u64)code + e->rip;

		guest_check(f.vector == e->vector && f.error == e->error && f.rip == rip &&
				    (!e->cr2 || f.cr2 == e->cr2),
			e->name, "vector %u error %lx rip %lx cr2 %lx", f.vector, f.error, f.rip,
			f.cr2);
	}
}

static struct idt_gate *gate(u8 vector)
{
	struct desc_ptr idt;

	idt_store(&idt);
	return (struct idt_gate *)idt.base + vector;
}

/*
 * Its handler cannot be entered: the gate is not present. A #GP or #PF becomes
 * a double fault, which has a stack of its own; a benign one gives way.
 */
static void expect_merge(u32 i, u8 vector, u32 error, const char *name)
{
	struct idt_gate *g = gate(raises[i].vector), old = *g;
	struct guest_fault f;

	g->type = 0xe;
	f = raise(&raises[i], NULL);
	*g = old;
	guest_check(f.vector == vector && f.error == error && f.rip == (u64)code, name,
		"vector %u error %lx at +%ld", f.vector, f.error, (s64)(f.rip - (u64)code));
}

static void test_merging(void)
{
	expect_merge(PROCESSOR_PF, VEC_DF, 0, "processor-pf-doubled");
	expect_merge(PROCESSOR_GP, VEC_DF, 0, "processor-gp-doubled");
	/* QEMU forgets that it delivers an exception if it is an injected one. */
	if (guest_is_qemu())
		return;
	expect_merge(WORKER_GP, VEC_DF, 0, "worker-gp-doubled");
	expect_merge(WORKER_PF, VEC_DF, 0, "worker-pf-doubled");
	expect_merge(HYPERVISOR_GP, VEC_DF, 0, "hypervisor-gp-doubled");
	/* Index, IDT, and external, for no INT instruction asked for it. */
	expect_merge(HYPERVISOR_UD, VEC_NP, VEC_UD * 8 + 3, "hypervisor-ud-gives-way");
}

/* The stack of the handler is not there: those that need no register but RDI and AX. */
static void test_absent_stack(void)
{
	static const u8 which[] = { WORKER_PF, PROCESSOR_PF, PROCESSOR_GP };
	u64 stack = ABSENT + PAGE_SIZE;

	for (u32 i = 0; i < ARRAY_SIZE(which); i++) {
		struct guest_fault f;

		if (guest_is_qemu() && which[i] == WORKER_PF)
			continue;
		f = raise(&raises[which[i]], &stack);
		guest_check(f.vector == VEC_DF && f.error == 0 && f.rip == (u64)code,
			"absent-stack-doubles", "%s: vector %u", raises[which[i]].name, f.vector);
	}
}

static u32 order[8], count;

static void on_vector(u8 vector)
{
	order[count++ % ARRAY_SIZE(order)] = vector;
	if (vector >= 32)
		msr_write(HV_MSR_EOI, 0);
}

static void on_gp(u8 vector)
{
	on_vector(vector);
	guest_frame->rip += 2;
}

/* An interrupt waits behind STI while the worker raises the exception of the instruction. */
static void test_with_interrupt(void)
{
	static const u8 text[] = { 0xfb, 0x11, 0x03, 0x90, 0xfa, 0xc3 }; /* STI; ADC; NOP; CLI */
	bool ok = true;

	guest_on_interrupt(VECTOR, on_vector);
	guest_on_exception(VEC_GP, on_gp);
	memcpy(code, text, sizeof(text));
	for (u32 i = 0; i < 5 && ok; i++) {
		count = 0;
		msr_write(HV_MSR_ICR, VECTOR | (u64)APIC_SHORTHAND_SELF << 18 | APIC_ICR_ASSERT);
		regs = (struct guest_regs){ .rbx = NOTHING };
		guest_execute(code, &regs);
		ok = count == 2 && order[0] == VEC_GP && order[1] == VECTOR;
	}
	guest_check(ok, "fault-behind-sti", "%u: %u, %u", count, order[0], order[1]);
	guest_on_exception(VEC_GP, NULL);
}

static u32 depth;

/* Faults from within the handler of the one before. */
static void on_page_fault(u8 vector)
{
	/* Those from within change it. */
	struct guest_frame *frame = guest_frame;
	struct guest_regs r = { .rdi = ABSENT };

	(void)vector;
	if (++depth < 20)
		guest_execute(code, &r);
	/* Where it is to go instead. */
	frame->rdi = (u64)&depth;
}

static void test_nested(void)
{
	memcpy(code, "\x8b\x07\xc3", 3); /* MOV EAX, (RDI); RET */
	guest_on_exception(VEC_PF, on_page_fault);
	regs = (struct guest_regs){ .rdi = ABSENT };
	guest_execute(code, &regs);
	guest_check(depth == 20 && regs.rax == 20, "faults-in-faults", "%u", depth);
	/* And by way of the worker: INSB to there. */
	memcpy(code, "\x6c\xc3", 2);
	regs = (struct guest_regs){ .rdi = ABSENT, .rdx = NOBODY };
	depth = 19;
	guest_execute(code, &regs);
	guest_check(
		depth == 0xff && regs.rdi == (u64)&depth + 1, "worker's-fault-mended", "%x", depth);
	guest_on_exception(VEC_PF, NULL);
}

void guest_main(void)
{
	u8 *stack = guest_pages(1);

	code = guest_pages(1);
	guest_on_interrupt(VECTOR, guest_leave);
	test_raises();
	guest_ist(VEC_DF, 1, (u64)(stack + PAGE_SIZE));
	test_merging();
	test_absent_stack();
	guest_ist(VEC_DF, 0, 0);
	test_with_interrupt();
	test_nested();
}
