/* SPDX-License-Identifier: MIT */
/*
 * Intercept messages byte by byte against offsets written down apart from the
 * structs, both ways that a message takes to the parent, and the register page.
 * sources: hypervisor/intercept.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/message.h"
#include "hv/vp.h"
#include "hypervisor/cpu.h"
#include "hypervisor/guest.h"
#include "hypervisor/intercept.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/root.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"

#define STALE 0xee

static struct partition root, child;
static struct cpu cpu;
static struct vp root_vp, vp;
static u8 intercept_page[4096] __attribute__((aligned(8)));
static union {
	struct hv_register_page page;
	u8 bytes[4096];
} registers;

static u8 known_length; /* 0: it cannot be fetched */
static u8 code_length;
static u32 code_looks;
static bool mapped;
static u64 traced[2];
static u32 traces;

static bool tells_parent;

bool policy_msr_tells_parent(const struct vp *v, u32 msr)
{
	assert_ptr_equal(v, &vp);
	(void)msr;
	return tells_parent;
}

bool vp_length(struct vp *v, const struct exit *exit, u8 *length)
{
	assert_ptr_equal(v, &vp);
	*length = exit->length ? exit->length : known_length;
	return *length != 0;
}

u8 guest_code(struct vp *v, u8 bytes[16])
{
	assert_ptr_equal(v, &vp);
	code_looks++;
	for (u8 i = 0; i < code_length; i++)
		bytes[i] = (u8)(0xc0 + i);
	return code_length;
}

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	(void)out;
	assert_ptr_equal(slat, &child.slat);
	assert_int_equal(gpa.a, 0x0000123456789abcull);
	return mapped;
}

void policy_cpuid(struct vp *v, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	assert_ptr_equal(v, &vp);
	assert_int_equal(leaf, 0x40000003);
	assert_int_equal(subleaf, 0x1111);
	*r = (struct cpuid_regs){ .eax = 0xa1, .ebx = 0xb1, .ecx = 0xc1, .edx = 0xd1 };
}

void trace(enum trace_event event, const struct vp *v, u64 a, u64 b)
{
	assert_int_equal(event, TRACE_INTERCEPT);
	assert_ptr_equal(v, &vp);
	traced[0] = a;
	traced[1] = b;
	traces++;
}

/* The root's VPs: the nearest, which may not listen, and the first. */
struct partition *root_partition = &root;
static struct vp first_vp;
static bool root_vp_listens;
static const struct vp *posted_to;
static u32 posted;

bool synic_is_open(const struct synic *s, u32 sint)
{
	assert_ptr_equal(s, &root_vp.synic);
	assert_int_equal(sint, 0);
	return root_vp_listens;
}

void synic_post(struct vp *to, u32 sint, struct synic_message *m)
{
	posted_to = to;
	assert_int_equal(sint, 0);
	assert_ptr_equal(m, &vp.intercept);
	posted++;
}

/* The back end. Segments by name: base 0x...00, limit, selector, attributes. */
static struct hv_segment segment_of(u32 name)
{
	u32 n = name & 0xf;

	return (struct hv_segment){ .base = 0x1111000000000000ull + n,
		.limit = 0x22220000 + n,
		.selector = (u16)(0x3330 + n),
		.attributes = (u16)(0x4440 + n) };
}

static enum hv_status fake_get(struct vp *v, u32 name, union hv_register_value *value)
{
	(void)v;
	assert_in_range(name, 0x60000, 0x60005);
	value->segment = segment_of(name);
	return HV_STATUS_SUCCESS;
}

static void fake_header(struct vp *v, struct hv_intercept_header *h)
{
	(void)v;
	h->execution = 0x1013;
	h->cs = segment_of(0x60001);
}

static void fake_register_page(struct vp *v, struct hv_register_page *page)
{
	(void)v;
	page->es = segment_of(0);
	page->cr0 = 0x80000011;
	page->interrupt_state = 3;
	/* Not before all is in it. */
	assert_int_equal(page->valid, 0);
}

static u8 fake_tpr(struct vp *v)
{
	(void)v;
	return 0xd;
}

static const struct virt_ops ops = {
	.get = fake_get,
	.intercept_header = fake_header,
	.register_page = fake_register_page,
	.tpr = fake_tpr,
};
const struct virt_ops *virt = &ops;

static int setup(void **state)
{
	(void)state;
	memset(&child, 0, sizeof(child));
	memset(&vp, 0, sizeof(vp));
	memset(&vp.intercept.message, STALE, sizeof(vp.intercept.message));
	memset(intercept_page, STALE, sizeof(intercept_page));
	memset(&registers, 0, sizeof(registers));
	child.id = 0x7766;
	child.parent = &root;
	cpu.root_vp = &root_vp;
	root.vps[0] = &first_vp;
	root_vp_listens = true;
	vp.partition = &child;
	vp.cpu = &cpu;
	vp.index = 0x21;
	vp.regs.rip = 0x8899aabbccddeeffull;
	vp.regs.rflags = 0x202;
	for (u32 i = 0; i < GPR_COUNT; i++)
		vp.regs.gpr[i] = 0x9990000000000000ull + i;
	known_length = 3;
	code_length = 16;
	code_looks = traces = posted = 0;
	mapped = false;
	return 0;
}

/* What is expected of the 256 bytes. */
static u8 golden[256];

static void put(u32 offset, u32 size, u64 v)
{
	assert_true(offset + size <= sizeof(golden));
	memcpy(golden + offset, &v, size);
}

static void put_segment(u32 offset, u32 n)
{
	put(offset, 8, 0x1111000000000000ull + n);
	put(offset + 8, 4, 0x22220000 + n);
	put(offset + 12, 2, 0x3330 + n);
	put(offset + 14, 2, 0x4440 + n);
}

/* Payload offsets of the TLFS are from byte 16 on. */
#define P(offset) (16 + (offset))

static void begin(u32 type, u32 size)
{
	memset(golden, STALE, sizeof(golden));
	memset(golden, 0, P((size + 7) & ~7u));
	put(0, 4, type);
	put(4, 1, size);
	put(8, 8, 0x7766);
}

static void put_header(u32 length, u32 access, u32 execution)
{
	put(P(0), 4, 0x21);
	put(P(4), 1, 0xd0 | length);
	put(P(5), 1, access);
	put(P(6), 2, execution);
	put_segment(P(8), 1);
	put(P(24), 8, 0x8899aabbccddeeffull);
	put(P(32), 8, 0x202);
}

/* The message is that, and its VP waits for the parent. */
static void expect(void)
{
	const u8 *m = vp.intercept_page ? intercept_page : (const u8 *)&vp.intercept.message;

	for (u32 i = 0; i < sizeof(golden); i++)
		if (m[i] != golden[i])
			fail_msg("byte %u: %02x, not %02x", i, m[i], golden[i]);
	assert_int_equal(vp.stop, VP_STOP_INTERCEPT);
	assert_true(vp.intercept_waits);
	assert_int_equal(traces, 1);
	assert_int_equal(traced[0], *(const u32 *)golden);
	assert_int_equal(traced[1], 0x8899aabbccddeeffull);
	/* Posted when it has left the processor, not now. */
	assert_int_equal(posted, 0);
}

static void nothing_happened(void)
{
	assert_int_equal(vp.stop, 0);
	assert_false(vp.intercept_waits);
	assert_int_equal(traces, 0);
	assert_int_equal(vp.intercept.message.header.type, 0xeeeeeeee);
}

/* --- I/O --- */

static void test_io(void **state)
{
	struct exit exit = { .kind = EXIT_IO, .io = { .port = 0x3f8, .size = 1 } };

	(void)state;
	intercept_io(&vp, &exit);
	begin(0x80010000, 128);
	put_header(3, 1, 0x1013);
	put(P(40), 2, 0x3f8);
	put(P(42), 1, 1);
	put(P(48), 8, 0x9990000000000000ull);
	expect();
	/* What it is no string for. */
	assert_int_equal(code_looks, 0);
}

static void test_io_string(void **state)
{
	struct exit exit = {
		.kind = EXIT_IO,
		.length = 15,
		.io = { .port = 0xcfc, .size = 4, .in = true, .string = true, .rep = true },
	};

	(void)state;
	code_length = 5;
	intercept_io(&vp, &exit);
	begin(0x80010000, 128);
	put_header(15, 0, 0x1013);
	put(P(40), 2, 0xcfc);
	put(P(42), 1, 0x1c);
	put(P(43), 1, 5);
	put(P(48), 8, 0x9990000000000000ull);
	put(P(56), 5, 0xc4c3c2c1c0ull);
	put_segment(P(72), 3);
	put_segment(P(88), 0);
	put(P(104), 8, 0x9990000000000001ull);
	put(P(112), 8, 0x9990000000000006ull);
	put(P(120), 8, 0x9990000000000007ull);
	expect();
}

/* Its bytes are gone, so it gets a fault instead. */
static void test_io_without_a_length(void **state)
{
	struct exit exit = { .kind = EXIT_IO, .io = { .port = 0x3f8, .size = 1 } };

	(void)state;
	known_length = 0;
	intercept_io(&vp, &exit);
	nothing_happened();
}

/* --- Memory --- */

static struct exit memory_exit(u32 access)
{
	return (struct exit){
		.kind = EXIT_SLAT_FAULT,
		.slat = { .gpa = GPA(0x0000123456789abcull), .access = access },
	};
}

static void put_memory(u32 type, u32 access, u32 execution)
{
	begin(type, 80);
	put_header(0, access, execution);
	put(P(40), 4, 6);
	put(P(46), 1, 0xd0);
	put(P(56), 8, 0x0000123456789abcull);
}

static void put_code(u32 length)
{
	put(P(44), 1, length);
	for (u32 i = 0; i < length; i++)
		put(P(64) + i, 1, 0xc0 + i);
}

static void test_memory_unmapped(void **state)
{
	struct exit exit = memory_exit(ACCESS_READ);

	(void)state;
	intercept_memory(&vp, &exit);
	put_memory(0x80000000, 0, 0x1013);
	put(P(45), 1, 2);
	put_code(16);
	expect();
}

static void test_memory_mapped(void **state)
{
	struct exit exit = memory_exit(ACCESS_READ | ACCESS_WRITE);

	(void)state;
	mapped = true;
	exit.slat.gva_valid = true;
	exit.slat.gva = GVA(0xffff800012345abcull);
	code_length = 7;
	intercept_memory(&vp, &exit);
	put_memory(0x80000001, 1, 0x1013);
	put(P(45), 1, 3);
	put(P(48), 8, 0xffff800012345abcull);
	put_code(7);
	expect();
}

/* A fetch, a walk of its tables, an interrupted delivery: no instruction did it. */
static void test_memory_without_an_instruction(void **state)
{
	struct exit exit = memory_exit(ACCESS_EXEC);

	(void)state;
	intercept_memory(&vp, &exit);
	put_memory(0x80000000, 2, 0x1013);
	put(P(45), 1, 2);
	expect();
	setup(NULL);
	exit = memory_exit(ACCESS_WRITE);
	exit.slat.walk = true;
	exit.slat.gva_valid = true;
	exit.slat.gva = GVA(0x4000);
	intercept_memory(&vp, &exit);
	put_memory(0x80000000, 1, 0x1013);
	put(P(45), 1, 1);
	put(P(48), 8, 0x4000);
	expect();
	setup(NULL);
	exit = memory_exit(ACCESS_WRITE);
	vp.event.valid = true;
	intercept_memory(&vp, &exit);
	put_memory(0x80000000, 1, 0x1053);
	put(P(45), 1, 2);
	expect();
	assert_int_equal(code_looks, 0);
}

/* --- What a parent asks for --- */

static void test_msr(void **state)
{
	struct exit exit = { .kind = EXIT_RDMSR, .msr = { .msr = 0xc0010117 } };

	(void)state;
	for (u32 wanted = 0; wanted < 8; wanted++)
		for (u32 write = 0; write < 2; write++) {
			setup(NULL);
			child.intercepts.msr = (u8)wanted & 3;
			/* Not installed, but the policy leaves the write to the parent. */
			tells_parent = wanted & 4;
			if (!(wanted >> write & 1) && !(tells_parent && write)) {
				assert_false(intercept_msr(&vp, &exit, 2, write));
				nothing_happened();
				continue;
			}
			assert_true(intercept_msr(&vp, &exit, 2, write));
			begin(0x80010001, 64);
			put_header(2, write, 0x1013);
			put(P(40), 4, 0xc0010117);
			put(P(48), 8, 0x9990000000000002ull);
			put(P(56), 8, 0x9990000000000000ull);
			expect();
		}
}

static void test_cpuid(void **state)
{
	struct exit exit = { .kind = EXIT_CPUID };

	(void)state;
	vp.regs.gpr[GPR_RAX] = 0xffffffff40000003ull;
	vp.regs.gpr[GPR_RCX] = 0xffffffff00001111ull;
	assert_false(intercept_cpuid(&vp, &exit));
	child.intercepts.cpuid_count = 2;
	child.intercepts.cpuid[0] = 1;
	child.intercepts.cpuid[1] = 0x40000004;
	child.intercepts.cpuid[2] = 0x40000003;
	assert_false(intercept_cpuid(&vp, &exit));
	nothing_happened();
	child.intercepts.cpuid_count = 3;
	assert_true(intercept_cpuid(&vp, &exit));
	begin(0x80010002, 104);
	put_header(3, 2, 0x1013);
	put(P(40), 8, 0xffffffff40000003ull);
	put(P(48), 8, 0xffffffff00001111ull);
	put(P(56), 8, 0x9990000000000002ull);
	put(P(64), 8, 0x9990000000000003ull);
	put(P(72), 8, 0xa1);
	put(P(80), 8, 0xc1);
	put(P(88), 8, 0xd1);
	put(P(96), 8, 0xb1);
	expect();
	/* It got a fault instead, and no CPUID. */
	setup(NULL);
	vp.regs.gpr[GPR_RAX] = 1;
	child.intercepts.cpuid_count = 1;
	child.intercepts.cpuid[0] = 1;
	known_length = 0;
	assert_true(intercept_cpuid(&vp, &exit));
	nothing_happened();
}

static void test_exception(void **state)
{
	struct exit exit = {
		.kind = EXIT_EXCEPTION,
		.exception = { .vector = 14, .has_error = true, .error = 7, .address = 0x5000 },
	};

	(void)state;
	assert_true(intercept_exception(&vp, &exit));
	begin(0x80010003, 240);
	put_header(0, 2, 0x1013);
	put(P(40), 2, 14);
	put(P(42), 1, 1);
	put(P(43), 1, 16);
	put(P(44), 4, 7);
	put(P(48), 8, 0x5000);
	for (u32 i = 0; i < 16; i++)
		put(P(64) + i, 1, 0xc0 + i);
	put_segment(P(80), 3);
	put_segment(P(96), 2);
	for (u32 i = 0; i < 16; i++)
		put(P(112) + 8 * i, 8, 0x9990000000000000ull + i);
	expect();
}

/* An instruction made it. */
static void test_breakpoint(void **state)
{
	struct exit exit = { .kind = EXIT_EXCEPTION, .exception = { .vector = 3 } };

	(void)state;
	assert_true(intercept_exception(&vp, &exit));
	assert_int_equal(((const u8 *)vp.intercept.message.payload)[42], 2);
}

/* --- The rest --- */

static void test_halt_and_triple_fault(void **state)
{
	(void)state;
	vp.stop = VP_STOP_HALT;
	intercept_halt(&vp);
	assert_int_equal(vp.stop, VP_STOP_HALT | VP_STOP_INTERCEPT);
	vp.stop = VP_STOP_INTERCEPT;
	begin(0x80010007, 40);
	put_header(0, 2, 0x1013);
	expect();
	setup(NULL);
	intercept_triple_fault(&vp);
	begin(0x80000021, 40);
	put_header(0, 2, 0x1013);
	expect();
}

static void test_invalid_state(void **state)
{
	(void)state;
	intercept_invalid_state(&vp);
	begin(0x80000020, 8);
	put(P(0), 4, 0x21);
	expect();
}

/* The whole message is in the VP's page, and the SynIC's names the VP. */
static void test_opaque(void **state)
{
	struct exit exit = { .kind = EXIT_IO, .io = { .port = 0x3f8, .size = 2 } };
	const u8 *m = (const u8 *)&vp.intercept.message;

	(void)state;
	vp.intercept_page = (struct hv_message *)intercept_page;
	intercept_io(&vp, &exit);
	begin(0x80010000, 128);
	put_header(3, 1, 0x1013);
	put(P(40), 2, 0x3f8);
	put(P(42), 1, 2);
	put(P(48), 8, 0x9990000000000000ull);
	expect();
	memset(golden, STALE, sizeof(golden));
	put(0, 4, 0x8000003f);
	put(4, 4, 4);
	put(8, 8, 0x7766);
	put(P(0), 8, 0x21);
	assert_memory_equal(m, golden, sizeof(golden));
	for (u32 i = sizeof(golden); i < sizeof(intercept_page); i++)
		assert_int_equal(intercept_page[i], STALE);
}

static void test_post(void **state)
{
	(void)state;
	intercept_halt(&vp);
	intercept_post(&vp);
	assert_int_equal(posted, 1);
	assert_ptr_equal(posted_to, &root_vp);
	assert_false(vp.intercept_waits);
	assert_int_equal(vp.stop, VP_STOP_INTERCEPT);
	/* A root VP that nobody uses does not keep it. */
	root_vp_listens = false;
	intercept_post(&vp);
	assert_int_equal(posted, 2);
	assert_ptr_equal(posted_to, &first_vp);
}

static u64 register_at(u32 offset)
{
	u64 v;

	memcpy(&v, registers.bytes + offset, sizeof(v));
	return v;
}

static void test_register_page(void **state)
{
	(void)state;
	vp.register_page = &registers.page;
	vp.xcr0 = 7;
	registers.page.version = 1;
	registers.page.dirty = 0x1f;
	intercept_halt(&vp);
	/* Version, valid, VTL; nothing is dirty. */
	assert_int_equal(register_at(0), 0x10001);
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(register_at(8 + 8 * i), 0x9990000000000000ull + i);
	assert_int_equal(register_at(136), 0x8899aabbccddeeffull);
	assert_int_equal(register_at(144), 0x202);
	assert_int_equal(register_at(256), 0x1111000000000000ull);
	assert_int_equal(register_at(352), 0x80000011);
	assert_int_equal(register_at(376), 0xd);
	assert_int_equal(register_at(408), 3);
	assert_int_equal(register_at(424), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_io, setup),
		cmocka_unit_test_setup(test_io_string, setup),
		cmocka_unit_test_setup(test_io_without_a_length, setup),
		cmocka_unit_test_setup(test_memory_unmapped, setup),
		cmocka_unit_test_setup(test_memory_mapped, setup),
		cmocka_unit_test_setup(test_memory_without_an_instruction, setup),
		cmocka_unit_test_setup(test_msr, setup),
		cmocka_unit_test_setup(test_cpuid, setup),
		cmocka_unit_test_setup(test_exception, setup),
		cmocka_unit_test_setup(test_breakpoint, setup),
		cmocka_unit_test_setup(test_halt_and_triple_fault, setup),
		cmocka_unit_test_setup(test_invalid_state, setup),
		cmocka_unit_test_setup(test_opaque, setup),
		cmocka_unit_test_setup(test_post, setup),
		cmocka_unit_test_setup(test_register_page, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
