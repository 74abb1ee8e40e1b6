/* SPDX-License-Identifier: MIT */
/*
 * What a parent is told of its child's instructions: ports, MSRs, CPUID,
 * exceptions, HLT, triple faults, as messages at SINT 0. Memory is
 * intercept_memory.c's.
 */
#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"

#define ES 0x26
#define GS 0x65

static bool is(u32 type)
{
	return probe.m.header.type == type && probe.m.header.sender == probe.id;
}

static const struct hv_intercept_header *header(void)
{
	return (const void *)probe.m.payload;
}

/* In 64-bit mode at CPL 0, no shadow, nothing under delivery; @length of the instruction at @rip. */
static bool header_is(u64 rip, u32 length, u8 access)
{
	const struct hv_intercept_header *h = header();

	return h->vp_index == 0 && h->rip == rip && HV_INTERCEPT_LENGTH(h) == length &&
	       h->access == access && h->length_cr8 >> 4 == 0 &&
	       h->execution == (HV_EXECUTION_CR0_PE | HV_EXECUTION_EFER_LMA) &&
	       h->cs.selector == 8 && h->cs.attributes == 0xa09b && h->rflags & RFLAGS_FIXED;
}

#define RAX_VALUE 0x1122334455667788ull
#define PORT      0x1234u

/* An instruction of ports: with DX it is PORT's. */
static const struct io_case {
	const char *name;
	u8 code[8];
	u8 length;
	u8 access;
	u8 direction;
	u16 port;
} io_cases[] = {
	{ "out-8-imm", { 0xe6, 0x80 }, 2, 1, HV_ACCESS_WRITE, 0x80 },
	{ "out-16-imm", { 0x66, 0xe7, 0x81 }, 3, 2, HV_ACCESS_WRITE, 0x81 },
	{ "out-32-imm", { 0xe7, 0xff }, 2, 4, HV_ACCESS_WRITE, 0xff },
	{ "out-8", { 0xee }, 1, 1, HV_ACCESS_WRITE, PORT },
	{ "out-16", { 0x66, 0xef }, 2, 2, HV_ACCESS_WRITE, PORT },
	{ "out-32", { 0xef }, 1, 4, HV_ACCESS_WRITE, PORT },
	{ "out-rex", { 0x48, 0xef }, 2, 4, HV_ACCESS_WRITE, PORT },
	{ "in-8-imm", { 0xe4, 0x60 }, 2, 1, HV_ACCESS_READ, 0x60 },
	{ "in-16-imm", { 0x66, 0xe5, 0x61 }, 3, 2, HV_ACCESS_READ, 0x61 },
	{ "in-32-imm", { 0xe5, 0x62 }, 2, 4, HV_ACCESS_READ, 0x62 },
	{ "in-8", { 0xec }, 1, 1, HV_ACCESS_READ, PORT },
	{ "in-16", { 0x66, 0xed }, 2, 2, HV_ACCESS_READ, PORT },
	{ "in-32", { 0xed }, 1, 4, HV_ACCESS_READ, PORT },
	{ "in-many-prefixes", { ES, 0x67, GS, 0x66, 0x66, 0xed }, 6, 2, HV_ACCESS_READ, PORT },
	{ "outs-8", { 0x6e }, 1, 1 | HV_IO_STRING, HV_ACCESS_WRITE, PORT },
	{ "outs-16", { 0x66, 0x6f }, 2, 2 | HV_IO_STRING, HV_ACCESS_WRITE, PORT },
	{ "outs-32", { 0x6f }, 1, 4 | HV_IO_STRING, HV_ACCESS_WRITE, PORT },
	{ "outs-segment", { ES, 0x6e }, 2, 1 | HV_IO_STRING, HV_ACCESS_WRITE, PORT },
	{ "outs-address-32", { 0x67, 0x6f }, 2, 4 | HV_IO_STRING, HV_ACCESS_WRITE, PORT },
	{ "ins-8", { 0x6c }, 1, 1 | HV_IO_STRING, HV_ACCESS_READ, PORT },
	{ "ins-16", { 0x66, 0x6d }, 2, 2 | HV_IO_STRING, HV_ACCESS_READ, PORT },
	{ "ins-32", { 0x6d }, 1, 4 | HV_IO_STRING, HV_ACCESS_READ, PORT },
	{ "rep-outs-8", { 0xf3, 0x6e }, 2, 1 | HV_IO_STRING | HV_IO_REP, HV_ACCESS_WRITE, PORT },
	{ "rep-outs-32", { GS, 0xf3, 0x6f }, 3, 4 | HV_IO_STRING | HV_IO_REP, HV_ACCESS_WRITE,
		PORT },
	{ "rep-ins-16", { 0xf3, 0x66, 0x6d }, 3, 2 | HV_IO_STRING | HV_IO_REP, HV_ACCESS_READ,
		PORT },
	{ "repne-ins-8", { 0xf2, 0x6c }, 2, 1 | HV_IO_STRING | HV_IO_REP, HV_ACCESS_READ, PORT },
};

static bool is_data(const struct hv_segment *s)
{
	return s->selector == 16 && s->base == 0 && s->limit == ~0u && s->attributes == 0xc093;
}

static bool string_is(const struct io_case *c, const struct hv_io_intercept *io)
{
	return io->byte_count >= c->length && memcmp(io->bytes, c->code, c->length) == 0 &&
	       io->rcx == 5 && io->rsi == CHILD_DATA && io->rdi == CHILD_DATA + 0x100 &&
	       is_data(&io->ds) && is_data(&io->es);
}

static bool io_is(const struct io_case *c)
{
	const struct hv_io_intercept *io = (const void *)probe.m.payload;

	return is(HV_MESSAGE_IO_PORT) && header_is(CHILD_CODE, c->length, c->direction) &&
	       probe.m.header.size == sizeof(*io) && io->port == c->port &&
	       io->access == c->access && io->rax == RAX_VALUE &&
	       (c->access & HV_IO_STRING ? string_is(c, io) : io->byte_count == 0);
}

static void test_io(void)
{
	const struct hv_io_intercept *io = (const void *)probe.m.payload;

	probe_set(PROBE_RAX, RAX_VALUE);
	probe_set(PROBE_RDX, PORT);
	probe_set(PROBE_RCX, 5);
	probe_set(PROBE_RSI, CHILD_DATA);
	probe_set(PROBE_RDI, CHILD_DATA + 0x100);
	for (u32 i = 0; i < ARRAY_SIZE(io_cases); i++) {
		probe_code(io_cases[i].code, sizeof(io_cases[i].code));
		guest_check(io_is(&io_cases[i]), io_cases[i].name,
			"type %x port %x access %x length %u bytes %u", probe.m.header.type,
			io->port, io->access, HV_INTERCEPT_LENGTH(header()), io->byte_count);
	}
}

/* The parent does the IN: what it puts into RAX is what the child goes on with. */
static void test_in_is_done(void)
{
	PROBE(0xe5, 0x70, 0x89, 0xc3, 0xe6, 0x71);
	probe_set(PROBE_RAX, 0xabcd);
	probe_at(CHILD_CODE + 2);
	guest_check(probe_get(PROBE_RBX) == 0xabcd, "in-is-done", "%lx", probe_get(PROBE_RBX));
}

static void test_msr(void)
{
	const struct hv_msr_intercept *m = (const void *)probe.m.payload;

	assert(child_install(probe.id, HV_INTERCEPT_MSR, HV_INTERCEPT_READ | HV_INTERCEPT_WRITE,
		       0) == HV_STATUS_SUCCESS);
	probe_set(PROBE_RCX, 0x12345678);
	probe_set(PROBE_RAX, 0xffffffff11111111);
	probe_set(PROBE_RDX, 0xffffffff22222222);
	PROBE(0x0f, 0x32);
	guest_check(is(HV_MESSAGE_MSR) && header_is(CHILD_CODE, 2, HV_ACCESS_READ) &&
			    m->msr == 0x12345678,
		"msr-read");
	PROBE(0x66, ES, 0x0f, 0x30);
	guest_check(is(HV_MESSAGE_MSR) && header_is(CHILD_CODE, 4, HV_ACCESS_WRITE) &&
			    m->rax == 0xffffffff11111111 && m->rdx == 0xffffffff22222222,
		"msr-write");
	assert(child_install(probe.id, HV_INTERCEPT_MSR, 0, 0) == HV_STATUS_SUCCESS);
	PROBE(0x0f, 0x32);
	guest_check(probe_took(VEC_GP) && probe_pushed(0) == 0 && probe_pushed(1) == CHILD_CODE,
		"msr-not-installed");
}

static void cpuid_code(u32 leaf)
{
	probe_set(PROBE_RAX, 0xff00000000ull | leaf);
	probe_set(PROBE_RCX, 0xff00000001ull);
	probe_set(PROBE_RDX, 0xd);
	probe_set(PROBE_RBX, 0xb);
	PROBE(0x0f, 0xa2, 0xe6, 0x80);
}

/* The defaults are what the child gets if nobody wants to see it. */
static void test_cpuid(u32 leaf, const char *name)
{
	const struct hv_cpuid_intercept *c = (const void *)probe.m.payload;
	struct hv_cpuid_intercept told;

	assert(child_install(probe.id, HV_INTERCEPT_CPUID, HV_INTERCEPT_EXEC, leaf) == 0);
	cpuid_code(leaf);
	told = *c;
	guest_check(is(HV_MESSAGE_CPUID) && header_is(CHILD_CODE, 2, HV_ACCESS_EXECUTE) &&
			    told.rax == (0xff00000000ull | leaf) && told.rcx == 0xff00000001 &&
			    told.rdx == 0xd && told.rbx == 0xb,
		name);
	/* Another leaf is not told of. */
	cpuid_code(leaf + 1);
	guest_check(is(HV_MESSAGE_IO_PORT), "cpuid-other-leaf", "%x", probe.m.header.type);
	assert(child_install(probe.id, HV_INTERCEPT_CPUID, 0, leaf) == 0);
	cpuid_code(leaf);
	guest_check(is(HV_MESSAGE_IO_PORT) && probe_get(PROBE_RAX) == told.default_rax &&
			    probe_get(PROBE_RCX) == told.default_rcx &&
			    probe_get(PROBE_RDX) == told.default_rdx &&
			    probe_get(PROBE_RBX) == told.default_rbx,
		"cpuid-default", "%lx", probe_get(PROBE_RAX));
}

#define UNMAPPED 0x40000000ull /* behind what the child's tables map */

static const struct exception_case {
	const char *name;
	u8 code[8];
	u8 length;
	u8 vector;
	u8 at; /* RIP, behind CHILD_CODE */
	u8 info;
	u32 error;
	u64 parameter;
} exception_cases[] = {
	{ "divide", { 0x31, 0xc9, 0xf7, 0xf1 }, 4, VEC_DE, 2, 0, 0, 0 },
	/* PUSHF; OR BYTE [RSP+1], 1; POPF; NOP */
	{ "step", { 0x9c, 0x80, 0x4c, 0x24, 1, 1, 0x9d, 0x90 }, 8, VEC_DB, 8, 0, 0, 0 },
	{ "breakpoint", { 0xcc }, 1, VEC_BP, 0, HV_EXCEPTION_SOFTWARE, 0, 0 },
	{ "undefined", { 0x0f, 0x0b }, 2, VEC_UD, 0, 0, 0, 0 },
	/* MOV DS, DX */
	{ "protection", { 0x8e, 0xda }, 2, VEC_GP, 0, HV_EXCEPTION_HAS_ERROR, PORT & ~3u, 0 },
	/* MOV [RBX], EAX; MOV EAX, [RBX]; JMP RBX */
	{ "page-write", { 0x89, 0x03 }, 2, VEC_PF, 0, HV_EXCEPTION_HAS_ERROR, 2, UNMAPPED },
	{ "page-read", { 0x8b, 0x03 }, 2, VEC_PF, 0, HV_EXCEPTION_HAS_ERROR, 0, UNMAPPED },
};

static bool exception_is(const struct exception_case *c)
{
	const struct hv_exception_intercept *e = (const void *)probe.m.payload;
	const struct hv_intercept_header *h = header();

	return is(HV_MESSAGE_EXCEPTION) && h->rip == CHILD_CODE + c->at &&
	       h->access == HV_ACCESS_EXECUTE && e->vector == c->vector && e->info == c->info &&
	       e->error == c->error && e->parameter == c->parameter && e->byte_count == 16 &&
	       memcmp(e->bytes, probe.ram + h->rip, 16) == 0 && is_data(&e->ds) &&
	       is_data(&e->ss) && e->gpr[0] == RAX_VALUE && e->gpr[3] == UNMAPPED &&
	       e->gpr[4] == probe_get(PROBE_RSP) && e->gpr[15] == 0xf;
}

static void install(u8 vector, bool on)
{
	u64 result =
		child_install(probe.id, HV_INTERCEPT_EXCEPTION, on ? HV_INTERCEPT_EXEC : 0, vector);

	assert(result == HV_STATUS_SUCCESS);
}

/* Told of where it is installed, and left as it is; else it is the child's own. */
static void test_exception(const struct exception_case *c)
{
	const struct hv_exception_intercept *e = (const void *)probe.m.payload;

	probe_set(PROBE_RAX, RAX_VALUE);
	probe_set(PROBE_RDX, PORT);
	probe_set(PROBE_RBX, UNMAPPED);
	probe_set(PROBE_RSP, CHILD_STACK);
	probe_set(PROBE_REG(15), 0xf);
	probe_set(HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED);
	probe_set(HV_X64_REGISTER_CR2, 0x777);
	install(c->vector, true);
	probe_code(c->code, sizeof(c->code));
	guest_check(exception_is(c), c->name,
		"type %x vector %u info %x error %x at %lx parameter %lx", probe.m.header.type,
		e->vector, e->info, e->error, header()->rip, e->parameter);
	guest_check(probe_get(HV_X64_REGISTER_CR2) == 0x777, "cr2-stays", "%lx",
		probe_get(HV_X64_REGISTER_CR2));
	install(c->vector, false);
	probe_set(HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED);
	probe_code(c->code, sizeof(c->code));
	guest_check(
		probe_took(c->vector), "own-exception", "%s type %x", c->name, probe.m.header.type);
	if (c->vector == VEC_PF)
		guest_check(probe_get(HV_X64_REGISTER_CR2) == UNMAPPED, "cr2-set");
}

static void test_exceptions(void)
{
	/* QEMU takes INT3 for an INT n. */
	for (u32 i = 0; i < ARRAY_SIZE(exception_cases); i++)
		if (!guest_is_qemu() || exception_cases[i].vector != VEC_BP)
			test_exception(&exception_cases[i]);
}

static volatile u64 *halts(void)
{
	return (volatile u64 *)(void *)(probe.ram + CHILD_DATA);
}

/* With interrupts off only its parent can do something. It stays halted when it is resumed. */
static void test_halt(void)
{
	u64 activity;

	probe_set(PROBE_RDI, CHILD_DATA);
	/* CLI; HLT; INC QWORD [RDI]; JMP . */
	PROBE(0xfa, 0xf4, 0x48, 0xff, 0x07, 0xeb, 0xfe);
	guest_check(is(HV_MESSAGE_HALT) && header()->rip == CHILD_CODE + 2 &&
			    !(header()->rflags & RFLAGS_IF),
		"halt", "type %x rip %lx", probe.m.header.type, header()->rip);
	*halts() = 0;
	child_resume(probe.id, 0);
	guest_sleep_us(2000);
	guest_check(*halts() == 0 && !guest_message_poll(&probe.m), "halt-goes-on");
	child_suspend(probe.id, 0);
	activity = probe_get(HV_REGISTER_INTERNAL_ACTIVITY);
	guest_check(activity == HV_ACTIVITY_HALT, "halt-activity", "%lx", activity);
	probe_set(HV_REGISTER_INTERNAL_ACTIVITY, 0);
	/* So that Bochs' AMD-V ends its loop at an interrupt. */
	probe_set(HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(halts(), 0, 1000000), "halt-ended");
	child_suspend(probe.id, 0);
}

/* With interrupts on it is nobody's business. */
static void test_quiet_halt(void)
{
	PROBE(0xe6, 0x80);
	probe_set(HV_X64_REGISTER_RIP, CHILD_CODE);
	memcpy(probe.ram + CHILD_CODE, (const u8[]){ 0xfb, 0xf4 }, 2);
	child_resume(probe.id, 0);
	guest_sleep_us(2000);
	guest_check(!guest_message_poll(&probe.m), "quiet-halt");
	child_suspend(probe.id, 0);
	guest_check(probe_get(HV_REGISTER_INTERNAL_ACTIVITY) == HV_ACTIVITY_HALT &&
			    probe_get(HV_X64_REGISTER_RIP) == CHILD_CODE + 2,
		"quiet-halt-activity");
}

/* Bochs' AMD-V ends itself, intercepted or not. */
static void test_triple(void)
{
	if (!guest_is_vmx() && !guest_is_qemu())
		return;
	child_gate(probe.ram, VEC_UD, 0);
	memset(probe.ram + CHILD_IDT, 0, PAGE_SIZE);
	PROBE(0x0f, 0x0b);
	guest_check(is(HV_MESSAGE_TRIPLE_FAULT), "triple-fault", "%x", probe.m.header.type);
	guest_check(probe_get(HV_REGISTER_INTERCEPT_SUSPEND) == 1, "triple-fault-waits");
}

void guest_main(void)
{
	guest_messages_init();
	probe_begin();
	for (u8 i = 0; i < VEC_EXCEPTIONS; i++)
		probe_gate(i);
	test_io();
	test_in_is_done();
	test_msr();
	test_cpuid(1, "cpuid");
	test_cpuid(0x40000003, "cpuid-synthetic");
	test_cpuid(0x40000100, "cpuid-none");
	test_exceptions();
	test_halt();
	probe_end();
	probe_begin();
	test_quiet_halt();
	probe_end();
	probe_begin();
	test_triple();
	probe_end();
}
