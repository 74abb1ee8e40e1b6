/* SPDX-License-Identifier: MIT */
/*
 * MSRs by policy: every number of the three ranges against a list written down
 * apart from the table, values that are refused, and the hypercall page over
 * fake second-level tables.
 * sources: hypervisor/policy_msr.c hypervisor/synthetic.c hypervisor/policy_cr.c
 * sources: hypervisor/overlay.c hypervisor/frame.c hypervisor/reference_time.c tests/unit/fake_vp.c tests/unit/host_assert.c
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
#include "hv/msr.h"
#include "hypervisor/clock.h"
#include "hypervisor/frame.h"
#include "hypervisor/overlay_msr.h"
#include "hypervisor/policy.h"
#include "hypervisor/pool.h"
#include "hypervisor/trap.h"
#include "policy_msr_machine.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define R  1
#define W  2
#define RW 3

/* What may be read and written, and what of it without an exit. */
static const struct expectation {
	u32 first, last;
	u8 allowed;
	u8 pass;
} expectations[] = {
	{ 0x10, 0x10, R, 0 },
	{ 0x1b, 0x1b, RW, 0 },
	{ 0x3a, 0x3a, R, 0 },
	{ 0x48, 0x48, RW, RW },
	{ 0x49, 0x49, W, W },
	{ 0x8b, 0x8b, RW, 0 },
	{ 0xfe, 0xfe, R, 0 },
	{ 0x174, 0x176, RW, RW },
	{ 0x179, 0x179, R, 0 },
	{ 0x17a, 0x17a, RW, 0 },
	{ 0x1a0, 0x1a0, RW, 0 },
	{ 0x200, 0x21f, R, 0 },
	{ 0x250, 0x250, R, 0 },
	{ 0x258, 0x259, R, 0 },
	{ 0x268, 0x26f, R, 0 },
	{ 0x277, 0x277, RW, 0 },
	{ 0x2ff, 0x2ff, R, 0 },
	{ 0x6e0, 0x6e0, RW, 0 },
	{ 0x800, 0x8ff, RW, 0 },
	{ 0x40000000, 0x40000001, RW, 0 },
	{ 0x40000002, 0x40000002, R, 0 },
	{ 0x40000010, 0x40000010, R, 0 },
	{ 0x40000020, 0x40000020, R, 0 },
	{ 0x40000021, 0x40000021, RW, 0 },
	{ 0x40000022, 0x40000023, R, 0 },
	{ 0x40000070, 0x40000070, W, 0 },
	{ 0x40000071, 0x40000072, RW, 0 },
	{ 0x40000073, 0x40000073, RW, 0 },
	{ 0x40000080, 0x40000084, RW, 0 },
	{ 0x40000090, 0x4000009f, RW, 0 },
	{ 0x400000b0, 0x400000b7, RW, 0 },
	{ 0x400000f0, 0x400000f0, R, 0 },
	{ 0xc0000080, 0xc0000080, RW, 0 },
	{ 0xc0000081, 0xc0000084, RW, RW },
	{ 0xc0000100, 0xc0000102, RW, RW },
	{ 0xc0000103, 0xc0000103, RW, 0 },
};

static const struct expectation nothing;

static const struct expectation *expectation(u32 msr)
{
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++)
		if (msr >= expectations[i].first && msr <= expectations[i].last)
			return &expectations[i];
	return &nothing;
}

/* The processor. */
struct cpu *this_cpu(void)
{
	return &fake_cpu;
}

static u64 live_value;
static u32 live_written;

bool msr_read_safe(u32 msr, u64 *v)
{
	(void)msr;
	*v = live_value;
	return true;
}

bool msr_write_safe(u32 msr, u64 v)
{
	(void)msr;
	(void)v;
	live_written++;
	return true;
}

/* The APIC. */
static u32 apic_accesses;

bool vlapic_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	(void)vp;
	(void)msr;
	apic_accesses++;
	*v = 0x1111;
	return true;
}

bool vlapic_msr_write(struct vp *vp, u32 msr, u64 v)
{
	(void)vp;
	(void)msr;
	(void)v;
	apic_accesses++;
	return true;
}

/* The SynIC. */
static u32 synic_accesses;

bool synic_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	(void)vp;
	(void)msr;
	synic_accesses++;
	*v = 0x2222;
	return true;
}

bool synic_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	assert_ptr_equal(self, vp);
	(void)vp;
	(void)msr;
	(void)v;
	synic_accesses++;
	return true;
}

/* The pages, which have a test of their own. */
static u64 page_written;

bool reference_tsc_write(struct partition *p, u64 v, struct vp *self)
{
	assert_ptr_equal(p, &fake_partition);
	assert_ptr_equal(self, &fake_vp);
	page_written = v;
	return true;
}

bool vp_assist_write(struct vp *vp, u64 v, struct vp *self)
{
	assert_ptr_equal(vp, &fake_vp);
	return reference_tsc_write(vp->partition, v, self);
}

static u32 tsc_aux_loads;

void vp_tsc_aux_load(const struct vp *vp)
{
	assert_ptr_equal(vp, &fake_vp);
	tsc_aux_loads++;
}

/* RDTSCP and RDPID, by which TSC_AUX is there. */
static bool has_tsc_aux;
static bool intel;

struct cpuid_regs policy_cpuid_of(const struct partition *p, u32 leaf)
{
	assert_ptr_equal(p, &fake_partition);
	if (leaf == 0)
		return (struct cpuid_regs){ 0xd, intel ? 0x756e6547 : 0x68747541, 0, 0 };
	if (leaf == 7)
		return (struct cpuid_regs){ 0, ~0u, has_tsc_aux ? ~0u : ~(1u << 22), ~0u };
	return (struct cpuid_regs){ ~0u, ~0u, ~0u, has_tsc_aux ? ~0u : ~(1u << 27) };
}

/* Time: 10 ticks are a nanosecond. */
u64 clock_tsc_hz = 10000000000ull;

u64 clock_tsc_to_ns(u64 ticks)
{
	return ticks / 10;
}

/* Memory: the pool is one page at 0x9000, the root's are 0x1000 to 0x8fff. */
#define POOL_SPA 0x9000ull

static u8 pool_page[4096] __attribute__((aligned(4096)));
static bool pool_empty;
static struct frame root_frames[16];
static u64 mapped[16]; /* by GPFN: SPA | access */
static u32 flushes;
static bool slat_full;
static bool split[16];

void *partition_page_alloc(struct partition *p)
{
	assert_ptr_equal(p, &fake_partition);
	return pool_empty ? NULL : pool_page;
}

spa_t virt_to_spa(const void *p)
{
	assert_ptr_equal(p, pool_page);
	return SPA(POOL_SPA);
}

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	u64 m = mapped[gpa.a >> 12];

	(void)slat;
	*out = (struct slat_mapping){
		.spa = SPA(m & ~0xfffull), .access = (u32)m & 7, .level = 1, .type = MEMTYPE_WT
	};
	return m != 0;
}

enum hv_status slat_map(struct slat *slat, gpa_t gpa, spa_t spa, u64 size, u32 access,
	enum memtype type, u32 max_level)
{
	(void)slat;
	assert_int_equal(size, 4096);
	/* A page of ours is RAM; the guest's gets back what it had. */
	assert_int_equal(type, spa.a == POOL_SPA ? MEMTYPE_WB : MEMTYPE_WT);
	assert_int_equal(max_level, 1);
	/* A leaf that is split already needs no table. */
	if (slat_full && !split[gpa.a >> 12])
		return HV_STATUS_INSUFFICIENT_MEMORY;
	split[gpa.a >> 12] = true;
	mapped[gpa.a >> 12] = spa.a | access;
	return HV_STATUS_SUCCESS;
}

void slat_promote(struct slat *slat, gpa_t gpa)
{
	(void)slat;
	(void)gpa;
}

/* Below the root's overlays there is always something. */
enum hv_status slat_unmap(struct slat *slat, gpa_t gpa, u64 size)
{
	(void)slat;
	(void)gpa;
	(void)size;
	fail();
	return HV_STATUS_INVALID_PARAMETER;
}

void partition_flush_overlays(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &fake_partition);
	assert_ptr_equal(self, &fake_vp);
	assert_int_equal(p->lock.next, p->lock.owner); /* not held */
	flushes++;
}

static const u8 text[] = { 0x0f, 0x01, 0xd9, 0xc3 };
static struct virt_ops with_text;

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	with_text = *virt;
	with_text.hypercall_text = text;
	with_text.hypercall_text_size = sizeof(text);
	virt = &with_text;
	fake_vp.index = 3;
	fake_vp.stats = calloc(HV_VP_COUNTER_MAX, 8);
	fake_partition.tsc_hz = 7000000000ull;
	has_tsc_aux = intel = true;
	policy_msr_init(&fake_partition);
	fake_cpu.features.phys_bits = 46;
	list_init(&fake_partition.overlays);
	overlay_init(&fake_partition.hypercall_overlay);
	reference_time_start(&fake_partition.time);
	memset(root_frames, 0, sizeof(root_frames));
	frame_table_init(root_frames, ARRAY_SIZE(root_frames));
	frame_mark(SPA(0x1000), 0x8000, FRAME_ROOT, 1);
	fake_partition.privileges = ~0ull;
	live_value = 0;
	live_written = apic_accesses = synic_accesses = tsc_aux_loads = flushes = 0;
	pool_empty = slat_full = false;
	memset(pool_page, 0, sizeof(pool_page));
	memset(mapped, 0, sizeof(mapped));
	memset(split, 0, sizeof(split));
	for (u64 i = 1; i < 9; i++)
		mapped[i] = i << 12 | SLAT_ALL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(fake_vp.stats);
	return 0;
}

static void check_number(u32 msr)
{
	u8 allowed = expectation(msr)->allowed;
	u32 lines = fake_log_lines;
	u64 v;

	if (policy_msr_read(&fake_vp, msr, &v) != ((allowed & R) != 0))
		fail_msg("read of 0x%x", msr);
	assert_int_equal(fake_log_lines, lines + !(allowed & R));
	lines = fake_log_lines;
	if (policy_msr_write(&fake_vp, msr, 0) != ((allowed & W) != 0))
		fail_msg("write of 0x%x", msr);
	assert_int_equal(fake_log_lines, lines + !(allowed & W));
}

/* Zero is a good value for all but EFER, which keeps its own. */
static void test_every_number(void **state)
{
	(void)state;
	fake_mode.cr0 = CR0_PE;
	fake_mode.efer = 0;
	for (u32 i = 0; i < 0x2000; i++) {
		check_number(i);
		check_number(0x40000000 + i);
		check_number(0xc0000000 + i);
		check_number(0xc0010000 + i);
	}
	check_number(0x80000000);
	check_number(0xffffffff);
}

static u8 passes[2][0x2000];

static void pass(void *ctx, u32 msr, bool read, bool write)
{
	u8 *p = &passes[msr >= 0xc0000000][msr & 0x1fff];

	assert_ptr_equal(ctx, passes);
	assert_int_equal(*p, 0);
	*p = (u8)((read ? R : 0) | (write ? W : 0));
}

static void test_pass_through(void **state)
{
	(void)state;
	policy_msr_pass_through(&fake_partition, pass, passes);
	for (u32 i = 0; i < 0x2000; i++) {
		assert_int_equal(passes[0][i], expectation(i)->pass);
		assert_int_equal(passes[1][i], expectation(0xc0000000 + i)->pass);
	}
}

static void reads(u32 msr, u64 expected)
{
	u64 v;

	assert_true(policy_msr_read(&fake_vp, msr, &v));
	assert_int_equal(v, expected);
}

static void writes(u32 msr, u64 v)
{
	assert_true(policy_msr_write(&fake_vp, msr, v));
}

static void refuses(u32 msr, u64 v)
{
	assert_false(policy_msr_write(&fake_vp, msr, v));
}

/* Each synthetic MSR behind its privilege. */
static void test_privileges(void **state)
{
	static const struct {
		u32 msr;
		u64 privilege;
	} rows[] = {
		{ 0x40000000, 1ull << 5 },
		{ 0x40000001, 1ull << 5 },
		{ 0x40000002, 1ull << 6 },
		{ 0x40000010, 1ull << 0 },
		{ 0x40000020, 1ull << 1 },
		{ 0x40000022, 1ull << 11 },
		{ 0x40000023, 1ull << 11 },
		{ 0x40000071, 1ull << 4 },
		{ 0x40000072, 1ull << 4 },
		{ 0x40000080, 1ull << 2 },
		{ 0x40000084, 1ull << 2 },
		{ 0x40000090, 1ull << 2 },
		{ 0x4000009f, 1ull << 2 },
	};
	u64 v;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_partition.privileges = ~rows[i].privilege;
		assert_false(policy_msr_read(&fake_vp, rows[i].msr, &v));
		assert_false(policy_msr_write(&fake_vp, rows[i].msr, 0));
		fake_partition.privileges = rows[i].privilege;
		assert_true(policy_msr_read(&fake_vp, rows[i].msr, &v));
	}
	fake_partition.privileges = ~(1ull << 4);
	refuses(0x40000070, 0);
}

static void test_constants(void **state)
{
	(void)state;
	live_value = 0xabcd000000040001ull;
	reads(0x3a, 1); /* locked, no VMX */
	reads(0x179, 0);
	reads(0x17a, 0);
	refuses(0x17a, 1);
	reads(0x1a0, 0xabcd000000000001ull); /* no MONITOR */
	writes(0x1a0, 0xabcd000000000001ull);
	refuses(0x1a0, live_value);
	reads(0x8b, live_value);
	refuses(0x8b, 1);
	reads(0x200, live_value);
	refuses(0x200, live_value);
	refuses(0x2ff, live_value);
	assert_int_equal(live_written, 0);
	intel = false;
	policy_msr_init(&fake_partition);
	assert_false(policy_msr_read(&fake_vp, 0x3a, &live_value));
	assert_false(policy_msr_read(&fake_vp, 0x1a0, &live_value));
}

static void test_efer(void **state)
{
	const u64 base = EFER_LME | EFER_LMA | EFER_NXE;

	(void)state;
	reads(MSR_EFER, base);
	writes(MSR_EFER, base | EFER_SCE);
	assert_int_equal(fake_mode.efer, base | EFER_SCE);
	/* LMA cannot be written. */
	writes(MSR_EFER, EFER_LME | EFER_SCE);
	assert_int_equal(fake_mode.efer, EFER_LME | EFER_LMA | EFER_SCE);
	/* LME not while paging is on; SVME and bits unknown never. */
	refuses(MSR_EFER, EFER_LMA);
	refuses(MSR_EFER, base | EFER_SVME);
	refuses(MSR_EFER, base | BIT(1));
	refuses(MSR_EFER, base | BIT(63));
	assert_int_equal(fake_mode.efer, EFER_LME | EFER_LMA | EFER_SCE);
	fake_mode.cr0 = CR0_PE;
	fake_mode.efer = 0;
	writes(MSR_EFER, EFER_LME | EFER_LMA);
	assert_int_equal(fake_mode.efer, EFER_LME);
}

static void test_addresses(void **state)
{
	static const u32 msrs[] = { MSR_LSTAR, MSR_CSTAR, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
		MSR_KERNEL_GS_BASE, MSR_FS_BASE, MSR_GS_BASE };

	(void)state;
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		writes(msrs[i], 0x00007fffffffffffull);
		writes(msrs[i], 0xffff800000000000ull);
		refuses(msrs[i], 0x0000800000000000ull);
		refuses(msrs[i], 0x7fffffffffffffffull);
		reads(msrs[i], 0xffff800000000000ull);
	}
	/* Only the base of the segment changes. */
	fake_register(HV_X64_REGISTER_FS)->segment.limit = 0x1234;
	writes(MSR_FS_BASE, 0x5000);
	assert_int_equal(fake_register(HV_X64_REGISTER_FS)->segment.limit, 0x1234);
	assert_int_equal(fake_register(HV_X64_REGISTER_FS)->segment.base, 0x5000);
}

static void test_pat(void **state)
{
	(void)state;
	writes(MSR_PAT, 0x0007040600070406ull);
	reads(MSR_PAT, 0x0007040600070406ull);
	refuses(MSR_PAT, 0x0007040600070402ull);
	refuses(MSR_PAT, 0x0800040600070406ull);
	reads(MSR_PAT, 0x0007040600070406ull);
}

static void test_apic(void **state)
{
	static const u32 msrs[] = { 0x1b, 0x6e0, 0x802, 0x83f, 0x40000071, 0x40000072 };

	(void)state;
	for (u32 i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		reads(msrs[i], 0x1111);
		writes(msrs[i], 0);
		assert_int_equal(apic_accesses, 2 * (i + 1));
	}
}

static void test_synic(void **state)
{
	static const u32 msrs[] = { 0x40000080, 0x40000083, 0x40000084, 0x40000090, 0x4000009f };

	(void)state;
	for (u32 i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		reads(msrs[i], 0x2222);
		writes(msrs[i], 0);
		assert_int_equal(synic_accesses, 2 * (i + 1));
	}
}

/* Kept with the VP and exchanged with it; 32 bits, where the processor has it. */
static void test_tsc_aux(void **state)
{
	u64 v;

	(void)state;
	writes(MSR_TSC_AUX, 0xffffffff);
	assert_int_equal(fake_vp.tsc_aux, 0xffffffff);
	assert_int_equal(tsc_aux_loads, 1);
	reads(MSR_TSC_AUX, 0xffffffff);
	refuses(MSR_TSC_AUX, 1ull << 32);
	has_tsc_aux = false;
	policy_msr_init(&fake_partition);
	refuses(MSR_TSC_AUX, 0);
	assert_false(policy_msr_read(&fake_vp, MSR_TSC_AUX, &v));
	assert_int_equal(fake_vp.tsc_aux, 0xffffffff);
	assert_int_equal(tsc_aux_loads, 1);
	assert_int_equal(live_written, 0);
}

static void test_identity_and_time(void **state)
{
	u64 before = 0, after = 0;

	(void)state;
	reads(HV_MSR_VP_INDEX, 3);
	reads(HV_MSR_TSC_FREQUENCY, 7000000000ull);
	reads(HV_MSR_APIC_FREQUENCY, 200000000);
	fake_vp.stats[1] = 123456;
	reads(HV_MSR_VP_RUNTIME, 123);
	writes(HV_MSR_VP_ASSIST_PAGE, 0x12345001);
	assert_int_equal(page_written, 0x12345001);
	fake_vp.assist_msr = 0x3001;
	reads(HV_MSR_VP_ASSIST_PAGE, 0x3001);
	writes(HV_MSR_REFERENCE_TSC, 0x5001);
	assert_int_equal(page_written, 0x5001);
	fake_partition.reference_tsc_msr = 0x7001;
	reads(HV_MSR_REFERENCE_TSC, 0x7001);
	assert_true(policy_msr_read(&fake_vp, HV_MSR_TIME_REF_COUNT, &before));
	assert_true(policy_msr_read(&fake_vp, HV_MSR_TIME_REF_COUNT, &after));
	assert_true(after >= before);
	fake_partition.time.offset += 1ull << 40;
	assert_true(policy_msr_read(&fake_vp, HV_MSR_TIME_REF_COUNT, &after));
	assert_in_range(after, before + (1ull << 40), before + (1ull << 41));
}

static void test_hypercall_page(void **state)
{
	(void)state;
	/* Without an identity it stays off. */
	writes(HV_MSR_HYPERCALL, 0x3001);
	reads(HV_MSR_HYPERCALL, 0x3000);
	assert_int_equal(mapped[3], 0x3000 | SLAT_ALL);
	writes(HV_MSR_GUEST_OS_ID, 0xfe00000000010000ull);
	writes(HV_MSR_HYPERCALL, 0x3ffd); /* reserved bits are dropped */
	reads(HV_MSR_HYPERCALL, 0x3001);
	assert_int_equal(mapped[3], POOL_SPA | SLAT_READ | SLAT_EXEC);
	assert_int_equal(root_frames[3].flags, FRAME_OVERLAID);
	assert_memory_equal(pool_page, text, sizeof(text));
	assert_int_equal(pool_page[sizeof(text)], 0xcc);
	assert_int_equal(pool_page[4095], 0xcc);
	/* Moved, then off, then away with the identity. */
	writes(HV_MSR_HYPERCALL, 0x5001);
	assert_int_equal(mapped[3], 0x3000 | SLAT_ALL);
	assert_int_equal(root_frames[3].flags, 0);
	assert_int_equal(root_frames[5].flags, FRAME_OVERLAID);
	assert_int_equal(mapped[5], POOL_SPA | SLAT_READ | SLAT_EXEC);
	writes(HV_MSR_HYPERCALL, 0x5000);
	assert_int_equal(mapped[5], 0x5000 | SLAT_ALL);
	writes(HV_MSR_HYPERCALL, 0x6001);
	writes(HV_MSR_GUEST_OS_ID, 0);
	assert_int_equal(mapped[6], 0x6000 | SLAT_ALL);
	reads(HV_MSR_HYPERCALL, 0x6000);
	assert_int_equal(flushes, 6);
}

static void test_hypercall_page_refused(void **state)
{
	(void)state;
	writes(HV_MSR_GUEST_OS_ID, 1);
	writes(HV_MSR_HYPERCALL, 0x3001);
	/* Not the root's memory, no tables, no page: the old place stays. */
	refuses(HV_MSR_HYPERCALL, 0x9001);
	refuses(HV_MSR_HYPERCALL, 0x1001 | 1ull << 50);
	slat_full = true;
	refuses(HV_MSR_HYPERCALL, 0x4001);
	slat_full = false;
	reads(HV_MSR_HYPERCALL, 0x3001);
	assert_int_equal(mapped[3], POOL_SPA | SLAT_READ | SLAT_EXEC);
	assert_int_equal(mapped[4], 0x4000 | SLAT_ALL);
	/* Locked, it cannot change again. */
	writes(HV_MSR_HYPERCALL, 0x3003);
	refuses(HV_MSR_HYPERCALL, 0x3001);
	refuses(HV_MSR_HYPERCALL, 0x4003);
	writes(HV_MSR_HYPERCALL, 0x3003);
	reads(HV_MSR_HYPERCALL, 0x3003);
}

static void test_hypercall_page_no_memory(void **state)
{
	(void)state;
	pool_empty = true;
	writes(HV_MSR_GUEST_OS_ID, 1);
	refuses(HV_MSR_HYPERCALL, 0x3001);
	reads(HV_MSR_HYPERCALL, 0);
	assert_int_equal(mapped[3], 0x3000 | SLAT_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pass_through, setup, teardown),
		cmocka_unit_test_setup_teardown(test_privileges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_constants, setup, teardown),
		cmocka_unit_test_setup_teardown(test_efer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_apic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_synic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tsc_aux, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity_and_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hypercall_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hypercall_page_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hypercall_page_no_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
