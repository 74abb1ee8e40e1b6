/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls from registers to result: both ABIs, parameter blocks in a fake
 * guest memory of two pages, every call's statuses, and the context of a VP to
 * start, field by field.
 * sources: hypervisor/hypercall.c hypervisor/hypercall_control.c hypervisor/hc_self.c
 * sources: hypervisor/hc_stats.c hypervisor/hc_interrupt.c hypervisor/hc_start_vp.c
 * sources: hypervisor/hc_target.c hypervisor/policy_cr.c tests/unit/fake_vp.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake_vp.h"
#include "hv/cpuid.h"
#include "hv/devint.h"
#include "hv/msr.h"
#include "hypervisor/clock.h"
#include "hypervisor/guest.h"
#include "hypervisor/hypercall.h"
#include "hypervisor/irq.h"
#include "hypervisor/policy.h"
#include "hypervisor/pool.h"
#include "hypervisor/sched.h"
#include "hypervisor/trace.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define IN   0x1000ull
#define OUT  0x2000ull
#define FAST (1ull << 16)

static u8 memory[2][4096] __attribute__((aligned(16)));
static bool out_read_only;
static struct vp other;
static u64 *gpr = fake_vp.regs.gpr;

bool partition_gpa_to_spa(struct partition *p, gpa_t gpa, u32 access, spa_t *spa)
{
	u64 page = gpa.a >> 12;

	(void)p;
	*spa = SPA(gpa.a);
	return page == 1 || (page == 2 && !(access & SLAT_WRITE && out_read_only));
}

static u8 *at(gpa_t gpa, size_t len)
{
	u64 page = gpa.a >> 12;

	assert_true(len <= 4096 - (gpa.a & 4095));
	return page == 1 || page == 2 ? &memory[page - 1][gpa.a & 4095] : NULL;
}

bool guest_read(struct vp *vp, gpa_t gpa, void *buf, size_t len)
{
	const u8 *p = at(gpa, len);

	(void)vp;
	if (p)
		memcpy(buf, p, len);
	return p;
}

bool guest_write(struct vp *vp, gpa_t gpa, const void *buf, size_t len)
{
	u8 *p = at(gpa, len);

	(void)vp;
	if (p && !(out_read_only && gpa.a >= OUT))
		memcpy(p, buf, len);
	return p && !(out_read_only && gpa.a >= OUT);
}

static u32 traced;

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	(void)vp;
	(void)a;
	(void)b;
	traced += event == TRACE_HYPERCALL;
}

static u32 wakes, flushes;

void sched_wake(struct vp *vp)
{
	assert_ptr_equal(vp, &other);
	wakes++;
}

/* None of the calls here manages another partition. */
void sched_wait_stopped(struct vp *vp, struct vp *self)
{
	(void)vp;
	(void)self;
	fail();
}

struct partition *partition_find(u64 id)
{
	(void)id;
	fail();
	return NULL;
}

void partition_put(struct partition *p)
{
	(void)p;
	fail();
}

void partition_manage(struct partition *p, struct vp *self)
{
	(void)p;
	(void)self;
	fail();
}

void partition_manage_end(struct partition *p)
{
	(void)p;
	fail();
}

/* No call here takes so long that the rest of it would wait. */
u64 clock_ns_to_tsc(u64 ns)
{
	assert_int_equal(ns, 50000);
	return 1ull << 60;
}

void partition_flush(struct partition *p, struct vp *self)
{
	(void)p;
	(void)self;
	flushes++;
}

static u64 mapped;
static bool slat_full;

spa_t virt_to_spa(const void *p)
{
	return SPA((u64)p & ~0xfffull);
}

enum hv_status slat_map(struct slat *slat, gpa_t gpa, spa_t spa, u64 size, u32 access,
	enum memtype type, u32 max_level)
{
	(void)slat;
	assert_int_equal(gpa.a, spa.a);
	assert_int_equal(size, 4096);
	assert_int_equal(access, SLAT_READ);
	assert_int_equal(type, MEMTYPE_WB);
	assert_int_equal(max_level, 1);
	if (slat_full)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	mapped = gpa.a;
	return HV_STATUS_SUCCESS;
}

enum hv_status slat_unmap(struct slat *slat, gpa_t gpa, u64 size)
{
	(void)slat;
	assert_int_equal(gpa.a, mapped);
	assert_int_equal(size, 4096);
	mapped = 0;
	return HV_STATUS_SUCCESS;
}

static struct hv_map_device_interrupt_input map_seen;
static u64 set_seen[2];
static u32 set_words_seen;
static struct hv_unmap_device_interrupt_input unmap_seen;

enum hv_status irq_map(struct partition *p, const struct hv_map_device_interrupt_input *in,
	const u64 *set, u32 set_words, struct hv_interrupt_entry *out)
{
	assert_ptr_equal(p, &fake_partition);
	map_seen = *in;
	set_words_seen = set_words;
	for (u32 i = 0; i < set_words && i < 2; i++)
		set_seen[i] = set[i];
	out->source = HV_INTERRUPT_SOURCE_MSI;
	out->msi.address = 0xfee00000;
	out->msi.data = 0x41;
	return in->device_id == 7 ? HV_STATUS_INVALID_DEVICE_ID : HV_STATUS_SUCCESS;
}

enum hv_status irq_unmap(struct partition *p, const struct hv_unmap_device_interrupt_input *in)
{
	(void)p;
	unmap_seen = *in;
	return HV_STATUS_NOT_FOUND;
}

struct cpuid_regs policy_cpuid_of(const struct partition *p, u32 leaf)
{
	(void)p;
	(void)leaf;
	return (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u };
}

u64 policy_xcr0_mask(const struct vp *vp)
{
	(void)vp;
	return 7;
}

static u64 stats_page[512] __attribute__((aligned(4096)));

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	memset(memory, 0xee, sizeof(memory));
	memset(&other, 0, sizeof(other));
	fake_cpu.features.phys_bits = 40;
	fake_partition.privileges = ~0ull;
	fake_partition.hypercall_msr = 0x5000 | HV_MSR_HYPERCALL_ENABLE;
	fake_partition.vps[2] = &other;
	other.partition = &fake_partition;
	other.cpu = &fake_cpu;
	other.index = 2;
	other.apic_id = 0x42;
	other.stats = stats_page;
	fake_vp.stats = stats_page;
	fake_vp.regs.rip = 0x1000;
	out_read_only = slat_full = false;
	traced = wakes = flushes = set_words_seen = 0;
	mapped = 0;
	return 0;
}

static u64 call(u64 control, u64 input, u64 output)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };
	u64 rip = fake_vp.regs.rip;

	gpr[GPR_RCX] = control;
	gpr[GPR_RDX] = input;
	gpr[GPR_R8] = output;
	gpr[GPR_RAX] = 0x5555555555555555ull;
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(fake_injected, 0);
	assert_int_equal(fake_vp.regs.rip, rip + FAKE_INSN_LENGTH);
	return gpr[GPR_RAX];
}

static u64 out64(void)
{
	u64 v;

	memcpy(&v, memory[1], 8);
	return v;
}

static void put(const void *input, size_t size)
{
	memcpy(memory[0], input, size);
}

static void test_spin_wait(void **state)
{
	(void)state;
	/* The record of its exit has the plain call's control word already. */
	assert_int_equal(call(0x8 | FAST, 100, 0), 0);
	assert_int_equal(traced, 0);
	assert_int_equal(call(0x8, IN, 0), 0);
	assert_int_equal(traced, 1);
	assert_int_equal(call(0x8, 0x3000, 0), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(call(0x8, IN + 4, 0), HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(call(0x8 | FAST | BIT(27), 0, 0), HV_STATUS_INVALID_HYPERCALL_INPUT);
}

static void test_32_bit(void **state)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };

	(void)state;
	fake_mode.cs_long = false;
	gpr[GPR_RDX] = 0xffffffff00000000ull; /* EDX:EAX control */
	gpr[GPR_RAX] = 0xffffffff00000046ull;
	gpr[GPR_RDI] = 0;
	gpr[GPR_RSI] = OUT; /* EDI:ESI output */
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(gpr[GPR_RAX], 0);
	assert_int_equal(gpr[GPR_RDX], 0);
	assert_int_equal(out64(), 1);
	/* A status, and reps done, in EDX. */
	put((const u64[]){ ~0ull, 0, 0x9900000042ull }, 24);
	gpr[GPR_RDX] = 2;
	gpr[GPR_RAX] = 0x9a;
	gpr[GPR_RBX] = 0;
	gpr[GPR_RCX] = IN;
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(gpr[GPR_RAX], HV_STATUS_NOT_FOUND);
	assert_int_equal(gpr[GPR_RDX], 1);
}

static void refused_with_ud(void)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };

	gpr[GPR_RCX] = 0x8 | FAST;
	gpr[GPR_RAX] = 77;
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(fake_injected, 1);
	assert_int_equal(fake_event.vector, VEC_UD);
	assert_int_equal(gpr[GPR_RAX], 77);
	assert_int_equal(fake_vp.regs.rip, 0x1000);
	fake_injected = 0;
}

static void test_no_such_instruction(void **state)
{
	(void)state;
	fake_mode.cpl = 3;
	refused_with_ud();
	fake_mode.cpl = 0;
	fake_mode.cr0 = 0;
	fake_mode.cs_long = false;
	refused_with_ud();
	fake_mode.cr0 = CR0_PE;
	fake_partition.hypercall_msr = 0x5000;
	refused_with_ud();
	assert_int_equal(traced, 0);
}

static void test_codes(void **state)
{
	static const u16 known[] = { 0x08, 0x46, 0x6c, 0x6d, 0x7c, 0x7d, 0x99, 0x9a };

	(void)state;
	for (u32 code = 0; code < 0x10000; code++) {
		bool is_known = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			is_known |= code == known[i];
		if (!is_known)
			assert_int_equal(call(code, IN, OUT), HV_STATUS_INVALID_HYPERCALL_CODE);
		else
			assert_int_not_equal(
				call(code, IN + 4, OUT + 4), HV_STATUS_INVALID_HYPERCALL_CODE);
	}
}

static void test_privileges(void **state)
{
	static const struct {
		u16 code;
		u8 bit;
	} rows[] = { { 0x46, 1 }, { 0x6c, 8 }, { 0x6d, 8 }, { 0x7c, 12 }, { 0x7d, 12 },
		{ 0x99, 21 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_partition.privileges = ~(1ull << (32 + rows[i].bit));
		assert_int_equal(call(rows[i].code, IN, OUT), HV_STATUS_ACCESS_DENIED);
	}
	fake_partition.privileges = 0;
	assert_int_equal(call(0x8 | FAST, 0, 0), 0);
	assert_int_equal(call(0x9a | 1ull << 32, IN, OUT), HV_STATUS_INVALID_PARTITION_ID);
}

static void test_partition_id(void **state)
{
	(void)state;
	assert_int_equal(call(0x46, 3, OUT), 0);
	assert_int_equal(out64(), 1);
	assert_int_equal(call(0x46 | FAST, 0, OUT), HV_STATUS_INVALID_HYPERCALL_INPUT);
	assert_int_equal(call(0x46, 0, 0x3000), HV_STATUS_INVALID_PARAMETER);
	out_read_only = true;
	assert_int_equal(call(0x46, 0, OUT), HV_STATUS_INVALID_PARAMETER);
}

static void test_vp_index(void **state)
{
	const u64 count3 = 3ull << 32;
	u64 in[4] = { ~0ull, 0, 0x0000004200000000ull, 0x77 };
	u32 out[3];

	(void)state;
	/* APIC ids 0, 0x42 and 0x77, the last of which nobody has. */
	put(in, sizeof(in));
	assert_int_equal(call(0x9a | 2ull << 32, IN, OUT), 2ull << 32);
	memcpy(out, memory[1], 12);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 2);
	assert_int_equal(out[2], 0xeeeeeeee);
	assert_int_equal(call(0x9a | count3, IN, OUT), 2ull << 32 | HV_STATUS_NOT_FOUND);
	/* From element 1 on; what is before is not touched. */
	memset(memory[1], 0xee, 16);
	assert_int_equal(call(0x9a | 2ull << 32 | 1ull << 48, IN, OUT), 2ull << 32);
	memcpy(out, memory[1], 12);
	assert_int_equal(out[0], 0xeeeeeeee);
	assert_int_equal(out[1], 2);
	in[0] = 5;
	put(in, sizeof(in));
	assert_int_equal(call(0x9a | count3, IN, OUT), HV_STATUS_INVALID_PARTITION_ID);
	in[0] = 1;
	in[1] = 1;
	put(in, sizeof(in));
	assert_int_equal(call(0x9a | count3, IN, OUT), HV_STATUS_INVALID_PARAMETER);
	in[1] = 1ull << 63;
	put(in, sizeof(in));
	assert_int_equal(call(0x9a | count3, IN, OUT), HV_STATUS_INVALID_PARAMETER);
	/* More elements than a page holds. */
	assert_int_equal(call(0x9a | 0xfffull << 32, IN, OUT), HV_STATUS_INVALID_PARAMETER);
}

static void test_stats(void **state)
{
	struct hv_stats_page_input in = {
		.type = HV_STATS_OBJECT_VP, .partition_id = ~0ull, .vp_index = 2
	};
	const u64 page = (u64)stats_page;

	(void)state;
	put(&in, sizeof(in));
	assert_int_equal(call(0x6c, IN, OUT), 0);
	assert_int_equal(out64(), page >> 12);
	assert_int_equal(mapped, page);
	assert_int_equal(call(0x6d, IN, 0), 0);
	assert_int_equal(mapped, 0);
	assert_int_equal(flushes, 1);
	slat_full = true;
	assert_int_equal(call(0x6c, IN, OUT), HV_STATUS_INSUFFICIENT_MEMORY);
	in.vp_index = HV_VP_SELF;
	slat_full = false;
	put(&in, sizeof(in));
	assert_int_equal(call(0x6c, IN, OUT), 0);
	in.vp_index = 1;
	put(&in, sizeof(in));
	assert_int_equal(call(0x6c, IN, OUT), HV_STATUS_INVALID_VP_INDEX);
	in.vp_index = 64;
	put(&in, sizeof(in));
	assert_int_equal(call(0x6d, IN, 0), HV_STATUS_INVALID_VP_INDEX);
	in.vp_index = 0;
	in.partition_id = 2;
	put(&in, sizeof(in));
	assert_int_equal(call(0x6c, IN, OUT), HV_STATUS_INVALID_PARTITION_ID);
	in.partition_id = 1;
	in.type = HV_STATS_OBJECT_HYPERVISOR;
	put(&in, sizeof(in));
	assert_int_equal(call(0x6c, IN, OUT), HV_STATUS_INVALID_PARAMETER);
	in.type = HV_STATS_OBJECT_VP;
	in.area = 1;
	put(&in, sizeof(in));
	assert_int_equal(call(0x6c, IN, OUT), HV_STATUS_INVALID_PARAMETER);
}

static void test_device_interrupts(void **state)
{
	struct {
		struct hv_map_device_interrupt_input in;
		u64 set[2];
	} map = { .in = { .partition_id = ~0ull, .device_id = 0x1234 }, .set = { 1, 4 } };
	struct hv_map_device_interrupt_output out;
	struct hv_unmap_device_interrupt_input unmap = { .partition_id = 1, .device_id = 9 };

	(void)state;
	put(&map, sizeof(map));
	assert_int_equal(call(0x7c | 2ull << 17, IN, OUT), 0);
	assert_memory_equal(&map_seen, &map.in, sizeof(map_seen));
	assert_int_equal(set_words_seen, 2);
	assert_int_equal(set_seen[1], 4);
	memcpy(&out, memory[1], sizeof(out));
	assert_int_equal(out.entry.msi.address, 0xfee00000);
	assert_int_equal(out.entry.msi.data, 0x41);
	assert_int_equal(call(0x7c, IN, OUT), 0);
	assert_int_equal(set_words_seen, 0);
	/* A failure writes no output. */
	map.in.device_id = 7;
	put(&map, sizeof(map));
	memset(memory[1], 0xee, 64);
	assert_int_equal(call(0x7c, IN, OUT), HV_STATUS_INVALID_DEVICE_ID);
	assert_int_equal(out64(), 0xeeeeeeeeeeeeeeeeull);
	map.in.partition_id = 3;
	put(&map, sizeof(map));
	assert_int_equal(call(0x7c, IN, OUT), HV_STATUS_INVALID_PARTITION_ID);
	put(&unmap, sizeof(unmap));
	assert_int_equal(call(0x7d, IN, 0), HV_STATUS_NOT_FOUND);
	assert_int_equal(unmap_seen.device_id, 9);
	/* A set that no partition can have. */
	assert_int_equal(call(0x7c | 200ull << 17, IN, OUT), HV_STATUS_INVALID_HYPERCALL_INPUT);
}

/* As a kernel starts its second processor. */
static struct hv_start_vp_input good_start(void)
{
	const struct hv_segment data = {
		.limit = 0xffffffff, .selector = 0x10, .attributes = 0xc093
	};
	struct hv_start_vp_input in = { .partition_id = ~0ull, .vp_index = 2 };

	in.context = (struct hv_initial_vp_context){
		.rip = 0xffffffff80001000ull,
		.rsp = 0xffffffff80009000ull,
		.rflags = 2,
		.cs = { .limit = 0xffffffff, .selector = 8, .attributes = 0xa09b },
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ss = data,
		.tr = { .limit = 0x67, .selector = 0x28, .attributes = 0x8b },
		.ldtr = { .attributes = 0x82 },
		.gdtr = { .limit = 0x3f, .base = 0xffffffff80002000ull },
		.efer = EFER_LME | EFER_LMA | EFER_NXE,
		.cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_ET,
		.cr3 = 0x5000,
		.cr4 = CR4_PAE | CR4_PGE,
		.pat = 0x0007040600070406ull,
	};
	return in;
}

static u64 start(const struct hv_start_vp_input *in)
{
	other.stop = VP_STOP_STARTUP;
	other.work = VP_WORK_NMI | VP_WORK_INTERRUPT;
	wakes = 0;
	put(in, sizeof(*in));
	return call(0x99, IN, 0);
}

static void test_start_vp(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	assert_int_equal(start(&in), 0);
	assert_int_equal(other.stop, 0);
	assert_int_equal(other.work, VP_WORK_INTERRUPT);
	assert_int_equal(wakes, 1);
	assert_int_equal(other.regs.rip, in.context.rip);
	assert_int_equal(other.regs.gpr[GPR_RSP], in.context.rsp);
	assert_int_equal(other.regs.rflags, 2);
	assert_int_equal(fake_register(HV_X64_REGISTER_CR3)->u64, 0x5000);
	assert_int_equal(fake_register(HV_X64_REGISTER_PAT)->u64, in.context.pat);
	assert_int_equal(fake_register(HV_X64_REGISTER_CS)->segment.attributes, 0xa09b);
	assert_int_equal(fake_register(HV_X64_REGISTER_TR)->segment.limit, 0x67);
	assert_int_equal(fake_register(HV_X64_REGISTER_GDTR)->table.limit, 0x3f);
	assert_int_equal(fake_register(HV_X64_REGISTER_GDTR)->table.base, 0xffffffff80002000ull);
	/* Started is started. */
	assert_int_equal(call(0x99, IN, 0), HV_STATUS_INVALID_VP_STATE);
	other.stop = VP_STOP_HALT;
	assert_int_equal(call(0x99, IN, 0), HV_STATUS_INVALID_VP_STATE);
	assert_int_equal(wakes, 1);
	assert_int_equal(fake_partition.lock.next, fake_partition.lock.owner);
}

static void test_start_vp_target(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	in.partition_id = 4;
	assert_int_equal(start(&in), HV_STATUS_INVALID_PARTITION_ID);
	in = good_start();
	in.vp_index = 1;
	assert_int_equal(start(&in), HV_STATUS_INVALID_VP_INDEX);
	in.vp_index = 0xffffffff;
	assert_int_equal(start(&in), HV_STATUS_INVALID_VP_INDEX);
	in = good_start();
	in.target_vtl = 1;
	assert_int_equal(start(&in), HV_STATUS_INVALID_PARAMETER);
	in = good_start();
	in.reserved[2] = 1;
	assert_int_equal(start(&in), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(other.stop, VP_STOP_STARTUP);
}

/* One wrong field each. */
#define REFUSES(field, value)                                                    \
	do {                                                                     \
		struct hv_start_vp_input in_ = good_start();                     \
		in_.context.field = (value);                                     \
		assert_int_equal(start(&in_), HV_STATUS_INVALID_REGISTER_VALUE); \
		assert_int_equal(other.stop, VP_STOP_STARTUP);                   \
		assert_int_equal(wakes, 0);                                      \
	} while (0)
#define ACCEPTS(field, value)                                \
	do {                                                 \
		struct hv_start_vp_input in_ = good_start(); \
		in_.context.field = (value);                 \
		assert_int_equal(start(&in_), 0);            \
	} while (0)

static void test_start_vp_registers(void **state)
{
	(void)state;
	REFUSES(rip, 0x0000800000000000ull);
	REFUSES(rflags, 0);
	REFUSES(rflags, 2 | BIT(3));
	REFUSES(rflags, 2 | BIT(15));
	REFUSES(rflags, 2 | BIT(17));
	REFUSES(rflags, 2 | BIT(22));
	REFUSES(rflags, 2 | BIT(63));
	ACCEPTS(rflags, 0x246);
	REFUSES(efer, EFER_LME);
	REFUSES(efer, EFER_LME | EFER_LMA | EFER_SVME);
	REFUSES(efer, 0);
	REFUSES(cr0, CR0_PG);
	REFUSES(cr0, CR0_PE);
	REFUSES(cr0, CR0_PE | CR0_PG | BIT(6));
	REFUSES(cr0, CR0_PE | CR0_PG | BIT(40));
	REFUSES(cr3, BIT(40));
	REFUSES(cr4, CR4_PGE);
	REFUSES(cr4, CR4_PAE | CR4_VMXE);
	REFUSES(pat, 2);
	REFUSES(gdtr.base, 0x0000800000000000ull);
	REFUSES(idtr.base, 0x0000800000000000ull);
}

static void test_start_vp_segments(void **state)
{
	(void)state;
	REFUSES(cs.attributes, 0xa01b);           /* not present */
	REFUSES(cs.attributes, 0xa093 & ~BIT(0)); /* not accessed */
	REFUSES(cs.attributes, 0xe09b);           /* L and D */
	REFUSES(cs.attributes, 0xa0fb);           /* DPL 3 */
	REFUSES(cs.attributes, 0xa19b);           /* reserved */
	REFUSES(cs.attributes, 0x209b);           /* limit without G */
	REFUSES(cs.selector, 0xb);
	REFUSES(cs.base, BIT(32));
	REFUSES(ss.attributes, 0xc09b);
	REFUSES(ss.attributes, 0xc0f3);
	REFUSES(ss.selector, 0x13);
	ACCEPTS(ss.attributes, 0);
	REFUSES(ds.attributes, 0xc092);
	REFUSES(ds.attributes, 0xc099);
	REFUSES(ds.base, BIT(33));
	ACCEPTS(ds.attributes, 0);
	REFUSES(es.limit, 0x10);
	REFUSES(fs.base, 0x0000800000000000ull);
	ACCEPTS(gs.base, 0xffff888000000000ull);
	REFUSES(tr.attributes, 0);
	REFUSES(tr.attributes, 0x83);
	REFUSES(tr.attributes, 0x9b);
	REFUSES(tr.selector, 0x2c);
	REFUSES(tr.base, 0x0000800000000000ull);
	REFUSES(ldtr.attributes, 0x8b);
	ACCEPTS(ldtr.attributes, 0);
}

static void test_start_vp_in_32_bit_mode(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	in.context.efer = 0;
	in.context.cr0 = CR0_PE;
	in.context.cr4 = 0;
	in.context.cs.attributes = 0xc09b;
	in.context.rip = 0x1000;
	assert_int_equal(start(&in), 0);
	in.context.rip = BIT(32);
	assert_int_equal(start(&in), HV_STATUS_INVALID_REGISTER_VALUE);
	in.context.rip = 0;
	in.context.cs.attributes = 0xa09b; /* L outside long mode */
	assert_int_equal(start(&in), HV_STATUS_INVALID_REGISTER_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_spin_wait, setup),
		cmocka_unit_test_setup(test_32_bit, setup),
		cmocka_unit_test_setup(test_no_such_instruction, setup),
		cmocka_unit_test_setup(test_codes, setup),
		cmocka_unit_test_setup(test_privileges, setup),
		cmocka_unit_test_setup(test_partition_id, setup),
		cmocka_unit_test_setup(test_vp_index, setup),
		cmocka_unit_test_setup(test_stats, setup),
		cmocka_unit_test_setup(test_device_interrupts, setup),
		cmocka_unit_test_setup(test_start_vp, setup),
		cmocka_unit_test_setup(test_start_vp_target, setup),
		cmocka_unit_test_setup(test_start_vp_registers, setup),
		cmocka_unit_test_setup(test_start_vp_segments, setup),
		cmocka_unit_test_setup(test_start_vp_in_32_bit_mode, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
