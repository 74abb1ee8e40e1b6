/* SPDX-License-Identifier: MIT */
/*
 * A child's accesses to memory that it does not have: what its parent is told,
 * and that the access, or the event whose delivery made it, goes on when there
 * is something.
 */
#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/desc.h"

#define NOWHERE    0x10000000ull /* no RAM, but in the child's page tables */
#define SPARE      (6 * MIB)     /* of its RAM */
#define LINEAR     (64 * MIB)    /* mapped to SPARE by 4 KiB, the next page not */
#define PAGE_TABLE 0xb000u
#define SOFTWARE   0x55u

static const struct hv_memory_intercept *mem = (const void *)probe.m.payload;

static bool is(u32 type)
{
	return probe.m.header.type == type && probe.m.header.sender == probe.id;
}

static void map(u64 gpa, u32 flags)
{
	child_map(probe.id, gpa, (u64)probe.ram + gpa, PAGE_SIZE, flags);
}

static void unmap(u64 gpa)
{
	child_unmap(probe.id, gpa, PAGE_SIZE, 0);
}

/* A linear address that is not its physical one. */
static void map_linear(void)
{
	u64 *pd = (u64 *)(void *)(probe.ram + CHILD_TABLES + 2 * PAGE_SIZE);
	u64 *pt = (u64 *)(void *)(probe.ram + PAGE_TABLE);

	pd[LINEAR / PAGE_2M] = PAGE_TABLE | 3;
	pt[0] = SPARE | 3;
}

/* @gva: what the access was to, if the processor tells. */
static bool access_is(u32 type, u64 gpa, u8 access, u64 gva)
{
	u8 valid = HV_MEMORY_GVA_VALID | HV_MEMORY_GVA_GPA_VALID;

	return is(type) && mem->gpa == gpa && mem->header.access == access &&
	       probe.m.header.size == sizeof(*mem) &&
	       (guest_is_vmx() ? mem->info == valid && mem->gva == gva : mem->info == 0);
}

static void show(bool ok, const char *name)
{
	guest_check(ok, name, "type %x gpa %lx access %u info %x gva %lx bytes %u execution %x",
		probe.m.header.type, mem->gpa, mem->header.access, mem->info, mem->gva,
		mem->byte_count, mem->header.execution);
}

/* RBX is @gpa's address. The bytes are the instruction's. */
static void test_access(const char *name, u32 type, u64 gpa, u8 access, const u8 *code, size_t size)
{
	probe_set(PROBE_RBX, gpa);
	probe_code(code, size);
	show(access_is(type, gpa, access, gpa) && mem->header.rip == CHILD_CODE &&
			mem->byte_count == 16 && memcmp(mem->bytes, code, size) == 0 &&
			!(mem->header.execution & HV_EXECUTION_PENDING),
		name);
}

#define TEST(name, type, gpa, access, ...)                                \
	test_access(name, type, gpa, access, (const u8[]){ __VA_ARGS__ }, \
		sizeof((const u8[]){ __VA_ARGS__ }))

static void test_accesses(void)
{
	u32 none = HV_MESSAGE_UNMAPPED_GPA, less = HV_MESSAGE_GPA_INTERCEPT;

	TEST("read", none, NOWHERE, HV_ACCESS_READ, 0x8b, 0x03);
	TEST("write", none, NOWHERE + 0xfff, HV_ACCESS_WRITE, 0x88, 0x03);
	TEST("write-segment", none, NOWHERE + 8, HV_ACCESS_WRITE, 0x26, 0x66, 0xc7, 0x03, 1, 2);
	unmap(SPARE);
	TEST("read-unmapped", none, SPARE, HV_ACCESS_READ, 0x48, 0x8b, 0x03);
	map(SPARE, HV_MAP_READ | HV_MAP_EXEC);
	TEST("write-read-only", less, SPARE + 0x123, HV_ACCESS_WRITE, 0x88, 0x03);
	PROBE(0x8b, 0x03, 0xe6, 0x80);
	guest_check(is(HV_MESSAGE_IO_PORT), "read-read-only", "%x", probe.m.header.type);
	map(SPARE, HV_MAP_ALL);
	PROBE(0x88, 0x03, 0xe6, 0x80);
	guest_check(is(HV_MESSAGE_IO_PORT), "write-again", "%x", probe.m.header.type);
}

/* There is nothing to show of what could not be fetched. */
static void test_execute(void)
{
	probe_set(PROBE_RBX, NOWHERE);
	PROBE(0xff, 0xe3);
	show(access_is(HV_MESSAGE_UNMAPPED_GPA, NOWHERE, HV_ACCESS_EXECUTE, NOWHERE) &&
			mem->byte_count == 0 && mem->header.rip == NOWHERE,
		"execute");
	map(SPARE, HV_MAP_READ | HV_MAP_WRITE);
	probe_set(PROBE_RBX, SPARE + 0x10);
	PROBE(0xff, 0xe3);
	show(access_is(HV_MESSAGE_GPA_INTERCEPT, SPARE + 0x10, HV_ACCESS_EXECUTE, SPARE + 0x10),
		"execute-data");
	probe.ram[SPARE + 0x10] = 0xe6;
	map(SPARE, HV_MAP_ALL);
	probe_resume();
	guest_check(is(HV_MESSAGE_IO_PORT), "execute-again", "%x", probe.m.header.type);
}

/* By another linear address: both are told, where the processor does. */
static void test_linear(void)
{
	unmap(SPARE);
	probe_set(PROBE_RBX, LINEAR + 0x20);
	PROBE(0x89, 0x43, 0x08, 0xe6, 0x80);
	show(access_is(HV_MESSAGE_UNMAPPED_GPA, SPARE + 0x28, HV_ACCESS_WRITE, LINEAR + 0x28),
		"linear");
	map(SPARE, HV_MAP_ALL);
	probe_set(PROBE_RAX, 0x87654321);
	probe_resume();
	guest_check(
		is(HV_MESSAGE_IO_PORT) && *(u32 *)(void *)(probe.ram + SPARE + 0x28) == 0x87654321,
		"linear-done");
}

/* MOV [RBX+8], ECX over a page's end; with less behind it than there could be. */
static void test_bytes(void)
{
	static const u8 code[] = { 0x89, 0x4b, 0x08 };

	probe_set(PROBE_RBX, NOWHERE);
	memset(probe.ram + SPARE, 0x90, 2 * PAGE_SIZE);
	memcpy(probe.ram + SPARE + PAGE_SIZE - 2, code, sizeof(code));
	probe_at(SPARE + PAGE_SIZE - 2);
	show(mem->gpa == NOWHERE + 8 && mem->byte_count == 16 &&
			memcmp(mem->bytes, code, sizeof(code)) == 0 && mem->bytes[15] == 0x90,
		"bytes-over-pages");
	/* The child's own tables end there; then its memory. */
	memcpy(probe.ram + SPARE + PAGE_SIZE - 3, code, sizeof(code));
	probe_at(LINEAR + PAGE_SIZE - 3);
	show(mem->byte_count == 3 && memcmp(mem->bytes, code, sizeof(code)) == 0,
		"bytes-end-at-tables");
	unmap(SPARE + PAGE_SIZE);
	probe_at(SPARE + PAGE_SIZE - 3);
	show(mem->byte_count == 3 && memcmp(mem->bytes, code, sizeof(code)) == 0,
		"bytes-end-at-memory");
	map(SPARE + PAGE_SIZE, HV_MAP_ALL);
}

/* On the way to a linear address: of the tables it is the entry's place, no bytes. */
static void test_walk(void)
{
	u8 info = guest_is_vmx() ? HV_MEMORY_GVA_VALID : 0;

	unmap(PAGE_TABLE);
	probe_set(PROBE_RBX, LINEAR + 0x20);
	PROBE(0x8b, 0x03, 0xe6, 0x80);
	show(is(HV_MESSAGE_UNMAPPED_GPA) && mem->gpa == PAGE_TABLE && mem->info == info &&
			mem->byte_count == 0 && mem->header.rip == CHILD_CODE,
		"walk");
	map(PAGE_TABLE, HV_MAP_ALL);
	probe_resume();
	guest_check(is(HV_MESSAGE_IO_PORT), "walk-again", "%x", probe.m.header.type);
}

/* The accessed bit cannot be set. Bochs' VT-x does not ask. */
static void test_walk_read_only(void)
{
	if (guest_is_vmx())
		return;
	*(u64 *)(void *)(probe.ram + PAGE_TABLE) = SPARE | 3;
	map(PAGE_TABLE, HV_MAP_READ);
	PROBE(0x0f, 0x01, 0x3b, 0x8b, 0x03, 0xe6, 0x80);
	show(is(HV_MESSAGE_GPA_INTERCEPT) && mem->gpa == PAGE_TABLE &&
			mem->header.access == HV_ACCESS_WRITE && mem->info == 0,
		"walk-read-only");
	map(PAGE_TABLE, HV_MAP_ALL);
	probe_resume();
	guest_check(is(HV_MESSAGE_IO_PORT) &&
			    *(u64 *)(void *)(probe.ram + PAGE_TABLE) == (SPARE | 0x23),
		"walk-accessed");
}

/* From here on the gates lie in a page that the child can lose. */
static void move_gates(void)
{
	const struct hv_register_assoc idtr = {
		.name = HV_X64_REGISTER_IDTR,
		.value = { .table = { .limit = PAGE_SIZE - 1, .base = SPARE } },
	};

	memcpy(probe.ram + SPARE, probe.ram + CHILD_IDT, PAGE_SIZE);
	assert(child_set_registers(probe.id, 0, &idtr, 1) == CHILD_DONE(1));
}

static void state_for_event(void)
{
	probe_set(PROBE_RSP, CHILD_STACK);
	probe_set(PROBE_RBX, APIC_DEFAULT_BASE);
	probe_set(PROBE_RDX, 0x1234);
	probe_set(PROBE_RDI, 0x40000000); /* not in the child's tables */
	probe_set(HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED);
	probe_set(HV_X64_REGISTER_CR2, 0);
}

/* PendingInterruption, as it is when an event is under delivery. */
static u64 pending(u32 type, u8 vector, bool has_error, u32 error)
{
	return 1 | type << 1 | (u64)has_error << 4 | (u64)vector << 16 | (u64)error << 32;
}

static const struct event_case {
	const char *name;
	u8 code[16];
	u8 size;
	u8 vector;
	u8 type;
	bool has_error;
	u32 error;
	u8 rip; /* that is pushed, behind CHILD_CODE */
} events[] = {
	{ "undefined", { 0x0f, 0x0b }, 2, VEC_UD, 3, false, 0, 0 },
	{ "protection", { 0x8e, 0xda }, 2, VEC_GP, 3, true, 0x1234, 0 },
	{ "page", { 0x89, 0x07 }, 2, VEC_PF, 3, true, 2, 0 },
	/* MOV DWORD [RBX+0x300], an NMI to ourselves; NOP */
	{ "nmi", { 0xc7, 0x83, 0, 3, 0, 0, 0, 0x44, 4, 0, 0x90 }, 11, VEC_NMI, 2, false, 0, 10 },
	/* The same of vector 0x60; STI; NOP; NOP */
	{ "external", { 0xc7, 0x83, 0, 3, 0, 0, 0x60, 0x40, 4, 0, 0xfb, 0x90, 0x90 }, 13, 0x60, 0,
		false, 0, 12 },
};

/* The vector, and on the stack what was interrupted. */
static bool delivered(const struct event_case *e)
{
	u32 at = e->has_error;

	return probe_took(e->vector) && (!e->has_error || probe_pushed(0) == e->error) &&
	       probe_pushed(at) == CHILD_CODE + e->rip && probe_pushed(at + 1) == 8 &&
	       probe_pushed(at + 3) == CHILD_STACK &&
	       probe_get(PROBE_RSP) == (CHILD_STACK & ~15u) - 40 - 8 * at;
}

static void goes_on(const struct event_case *e)
{
	u64 in_register = probe_get(HV_REGISTER_PENDING_INTERRUPTION);

	guest_check(mem->header.execution & HV_EXECUTION_PENDING, "event-pending", "%s", e->name);
	guest_check(in_register == pending(e->type, e->vector, e->has_error, e->error),
		"event-register", "%s %lx", e->name, in_register);
}

/* The gate cannot be read, then the stack not be written. Each time it comes once. */
static void test_event(const struct event_case *e)
{
	u64 gate = SPARE + e->vector * 16;

	state_for_event();
	unmap(SPARE);
	probe_code(e->code, e->size);
	show(is(HV_MESSAGE_UNMAPPED_GPA) && mem->gpa >= gate && mem->gpa < gate + 16 &&
			mem->byte_count == 0,
		e->name);
	goes_on(e);
	map(SPARE, HV_MAP_ALL);
	map(CHILD_STACK - PAGE_SIZE, HV_MAP_READ);
	probe_resume();
	show(is(HV_MESSAGE_GPA_INTERCEPT) &&
			ALIGN_DOWN(mem->gpa, PAGE_SIZE) == CHILD_STACK - PAGE_SIZE &&
			mem->header.access == HV_ACCESS_WRITE,
		"event-at-stack");
	goes_on(e);
	map(CHILD_STACK - PAGE_SIZE, HV_MAP_ALL);
	probe_resume();
	guest_check(delivered(e), "event-once", "%s type %x rip %lx rsp %lx", e->name,
		probe.m.header.type, probe_pushed(e->has_error), probe_get(PROBE_RSP));
	guest_check(probe_get(HV_REGISTER_PENDING_INTERRUPTION) == 0, "event-gone");
	if (e->vector == VEC_PF)
		guest_check(probe_get(HV_X64_REGISTER_CR2) == 0x40000000, "event-cr2");
	/* An NMI's handler ends, and the APIC's interrupt. */
	probe_set(HV_REGISTER_INTERRUPT_STATE, 0);
	PROBE(0xc7, 0x83, 0xb0, 0, 0, 0, 0, 0, 0, 0, 0xe6, 0x80);
}

/*
 * INT n is under delivery with VT-x; with AMD-V it is made again. Bochs'
 * AMD-V names the last exception instead.
 */
static void test_software(void)
{
	if (!guest_is_vmx() && !guest_is_qemu())
		return;
	state_for_event();
	unmap(SPARE);
	PROBE(0xcd, SOFTWARE);
	show(is(HV_MESSAGE_UNMAPPED_GPA) && mem->gpa == SPARE + SOFTWARE * 16 &&
			!(mem->header.execution & HV_EXECUTION_PENDING) == !guest_is_vmx(),
		"software");
	map(SPARE, HV_MAP_ALL);
	probe_resume();
	guest_check(probe_took(SOFTWARE) && probe_pushed(0) == CHILD_CODE + 2, "software-once",
		"type %x rip %lx", probe.m.header.type, probe_pushed(0));
}

/* By the parent: it comes before the next instruction, also if that takes more than one entry. */
static void test_injected(const struct event_case *e, const char *name, bool cut)
{
	state_for_event();
	if (e->type == 0)
		probe_set(HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	probe_set(HV_REGISTER_PENDING_INTERRUPTION,
		pending(e->type, e->vector, e->has_error, e->error));
	if (cut)
		unmap(SPARE);
	PROBE(0xe6, 0x80);
	if (cut) {
		show(is(HV_MESSAGE_UNMAPPED_GPA), name);
		goes_on(e);
		map(SPARE, HV_MAP_ALL);
		probe_resume();
	}
	guest_check(probe_took(e->vector) && (!e->has_error || probe_pushed(0) == e->error) &&
			    probe_pushed(e->has_error) == CHILD_CODE,
		name, "type %x", probe.m.header.type);
	guest_check((probe_get(HV_REGISTER_INTERRUPT_STATE) == HV_INTERRUPT_STATE_NMI_MASKED) ==
			    (e->type == 2),
		"injected-mask");
	probe_set(HV_REGISTER_INTERRUPT_STATE, 0);
}

static void test_injections(void)
{
	static const struct event_case cases[] = {
		{ .name = "ud", .vector = VEC_UD, .type = 3 },
		{ .name = "gp", .vector = VEC_GP, .type = 3, .has_error = true, .error = 0x18 },
		{ .name = "df", .vector = VEC_DF, .type = 3, .has_error = true },
		{ .name = "nmi", .vector = VEC_NMI, .type = 2 },
		{ .name = "external", .vector = 0x41, .type = 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		test_injected(&cases[i], "injected", false);
		test_injected(&cases[i], "injected-in-parts", true);
	}
}

void guest_main(void)
{
	guest_messages_init();
	probe_begin();
	for (u32 i = 0; i < 256; i++)
		probe_gate((u8)i);
	map_linear();
	test_accesses();
	test_execute();
	test_linear();
	test_bytes();
	test_walk();
	test_walk_read_only();
	/* The APIC on, by software. */
	probe_set(PROBE_RBX, APIC_DEFAULT_BASE);
	PROBE(0xc7, 0x83, 0xf0, 0, 0, 0, 0xff, 1, 0, 0, 0xe6, 0x80);
	move_gates();
	for (u32 i = 0; i < ARRAY_SIZE(events); i++)
		test_event(&events[i]);
	test_software();
	test_injections();
	probe_end();
}
