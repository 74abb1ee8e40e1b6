/* SPDX-License-Identifier: MIT */
/*
 * What the root partition is given of memory: all of it in the largest leaves,
 * with its types, without the hypervisor's, the APICs' and the message window;
 * what is shared can be read; devices above memory come when they are touched;
 * pages that are deposited go and come back.
 * sources: hypervisor/root.c hypervisor/slat.c hypervisor/deposit.c hypervisor/pool.c hypervisor/frame.c hypervisor/svm/slat_format.c hypervisor/vmx/slat_format.c lib/bitmap.c tests/unit/fake_memory.c tests/unit/fake_image.S tests/unit/host_assert.c
 * cflags: -I tests/unit/fake_layout
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot_info.h"
#include "fake_memory.h"
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/frame.h"
#include "hypervisor/log.h"
#include "hypervisor/memory_plan.h"
#include "hypervisor/memtype.h"
#include "hypervisor/mtrr.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_table.h"
#include "hypervisor/platform.h"
#include "hypervisor/policy.h"
#include "hypervisor/pool.h"
#include "hypervisor/root.h"
#include "hypervisor/root_image.h"
#include "hypervisor/vp.h"

#define IMAGE       0x1000000ull
#define IMAGE_PAGES 5u
#define POOL_PAGES  4096u
#define TOP         (512 * MIB)
#define LAPIC       0xfee00000ull
#define IOAPIC_0    0xfec00000ull
#define IOAPIC_1    0xfec02400ull /* not at a page's start */
#define UC_START    (3 * GIB + 6 * MIB + 5 * PAGE_SIZE)

extern struct slat_format svm_slat_format, vmx_slat_format;

struct platform platform;
struct cpu *cpus[HV_MAX_CPUS];
u32 cpu_count = 2;

static struct cpu cpu[2];
static struct vp vp[2];
static struct memory_plan plan;
static struct boot_info info;
static void *shared;

struct cpu *this_cpu(void)
{
	return &cpu[0];
}

const struct mtrr_set *mtrr_set(void)
{
	return NULL;
}

enum memtype memtype_at(const struct mtrr_set *set, u64 addr)
{
	(void)set;
	return addr >= UC_START && addr < 4 * GIB ? MEMTYPE_UC : MEMTYPE_WB;
}

bool memtype_uniform(const struct mtrr_set *set, u64 base, u64 size, enum memtype *type)
{
	*type = memtype_at(set, base);
	return memtype_at(set, base + size - 1) == *type;
}

void root_image_find(
	struct root_image *image, const struct boot_info *i, const struct memory_plan *p)
{
	(void)image;
	assert_ptr_equal(i, &info);
	assert_ptr_equal(p, &plan);
}

/* Two pages of the pool and one of the image are to be read. */
void root_image_load(const struct root_image *image, const struct boot_info *i,
	const struct memory_plan *p, struct vp *v)
{
	(void)image;
	(void)i;
	(void)p;
	assert_ptr_equal(v, &vp[0]);
	shared = pool_alloc(2);
	frame_mark(virt_to_spa(shared), 2 * PAGE_SIZE, FRAME_SHARED, 0);
	frame_mark(SPA(IMAGE + 3 * PAGE_SIZE), PAGE_SIZE, FRAME_SHARED, 0);
}

enum hv_status vp_create(
	struct partition *p, u32 index, u32 apic_id, struct cpu *c, struct vp **out)
{
	assert_ptr_equal(c, &cpu[index]);
	assert_int_equal(apic_id, c->apic_id);
	p->vps[index] = *out = &vp[index];
	return HV_STATUS_SUCCESS;
}

void reference_time_start(struct reference_time *t)
{
	assert_non_null(t);
}

u64 clock_tsc_hz = 2400000000;
static u32 msr_inits;

void policy_msr_init(struct partition *p)
{
	assert_int_equal(p->id, HV_PARTITION_ID_ROOT);
	msr_inits++;
}

static u32 children_inits;

void partition_children_init(void)
{
	assert_non_null(root_partition);
	children_inits++;
}

void vp_notify(struct vp *v, u32 work)
{
	(void)v;
	(void)work;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static struct partition *in_table, *with_bitmaps;

void partition_table_add_root(struct partition *p)
{
	in_table = p;
}

static enum hv_status bitmaps_create(struct partition *p)
{
	assert_true(partition_is_root(p));
	with_bitmaps = p;
	return HV_STATUS_SUCCESS;
}

void overlay_init(struct overlay *o)
{
	*o = (struct overlay){ .on = false };
	list_init(&o->link);
}

static struct virt_ops ops = { .bitmaps_create = bitmaps_create };
const struct virt_ops *virt = &ops;

static int start(struct slat_format *format)
{
	fake_memory_init(POOL_PAGES);
	format->page1g = true;
	ops.slat = format;
	plan = (struct memory_plan){
		.ram = TOP,
		.top = TOP,
		.frames = TOP / PAGE_SIZE,
		.slat_reserve = 600,
		.image = IMAGE,
		.image_size = IMAGE_PAGES * PAGE_SIZE,
		.owned = FAKE_MEMORY_START,
		.owned_size = POOL_PAGES * PAGE_SIZE,
	};
	frame_mark(SPA(IMAGE), plan.image_size, FRAME_IMAGE, 0);
	platform = (struct platform){ .lapic_address = LAPIC, .ioapic_count = 2 };
	platform.ioapics[0].address = IOAPIC_0;
	platform.ioapics[1].address = IOAPIC_1;
	for (u32 i = 0; i < 2; i++) {
		cpu[i].apic_id = 2 * i;
		cpu[i].features.phys_bits = 40;
		cpus[i] = &cpu[i];
	}
	root_create(&info, &plan);
	return 0;
}

static int start_svm(void **state)
{
	(void)state;
	return start(&svm_slat_format);
}

static int start_vmx(void **state)
{
	(void)state;
	return start(&vmx_slat_format);
}

static u32 rights(u64 gpa)
{
	struct slat_mapping m;

	if (!slat_lookup(&root_partition->slat, GPA(gpa), &m))
		return 0;
	assert_int_equal(m.spa.a, gpa);
	return m.access;
}

static bool within(u64 a, u64 start_, u64 size)
{
	return a >= start_ && a < start_ + size;
}

static u32 rights_due(u64 a)
{
	const struct frame *f = frame_get(SPA(a));

	if (within(a, IMAGE, plan.image_size) || within(a, plan.owned, plan.owned_size))
		return f && f->type == FRAME_SHARED ? SLAT_READ : 0;
	if (within(a, 0xfee00000, MIB) || a == IOAPIC_0 || a == ALIGN_DOWN(IOAPIC_1, PAGE_SIZE))
		return 0;
	return SLAT_ALL;
}

static void every_page(void **state)
{
	u32 readable = 0;

	(void)state;
	for (u64 a = 0; a < 4 * GIB; a += PAGE_SIZE) {
		assert_int_equal(rights(a), rights_due(a));
		readable += rights(a) == SLAT_READ;
	}
	assert_int_equal(readable, 3);
	assert_int_equal(rights(virt_to_spa(shared).a + PAGE_SIZE), SLAT_READ);
	assert_int_equal(rights(4 * GIB), 0);
	assert_ptr_equal(cpus[1]->root_vp, &vp[1]);
	assert_ptr_equal(in_table, root_partition);
	assert_ptr_equal(with_bitmaps, root_partition);
}

static void types_and_leaves(void **state)
{
	struct slat_mapping m;

	(void)state;
	for (u64 a = 2 * GIB; a < 0xfec00000; a += PAGE_SIZE) {
		assert_true(slat_lookup(&root_partition->slat, GPA(a), &m));
		assert_int_equal(m.type, memtype_at(NULL, a));
	}
	/* Large where nothing forbids it. */
	assert_true(slat_lookup(&root_partition->slat, GPA(GIB + 5), &m));
	assert_int_equal(m.level, 3);
	assert_true(slat_lookup(&root_partition->slat, GPA(64 * MIB), &m));
	assert_int_equal(m.level, 2);
	assert_true(slat_lookup(&root_partition->slat, GPA(UC_START), &m));
	assert_int_equal(m.level, 1);
	assert_true(slat_lookup(&root_partition->slat, GPA(IMAGE - 1), &m));
	assert_int_equal(m.level, 2);
}

static bool touch(u64 gpa, u32 access)
{
	return root_map_device(root_partition, GPA(gpa), access);
}

static void devices(void **state)
{
	struct partition child = { .id = 2 };

	(void)state;
	assert_true(touch(64 * GIB + 0x1234, ACCESS_READ));
	assert_int_equal(rights(64 * GIB), SLAT_READ | SLAT_WRITE);
	assert_int_equal(rights(65 * GIB - 1), SLAT_READ | SLAT_WRITE);
	assert_int_equal(rights(65 * GIB), 0);
	/* Again, by another processor; but never to run code there. */
	assert_true(touch(64 * GIB + 0x1234, ACCESS_WRITE));
	assert_false(touch(64 * GIB + 0x1234, ACCESS_EXEC));
	/* Not what was carved, not past the end of addresses, not for others. */
	assert_false(touch(IMAGE, ACCESS_READ));
	assert_false(touch(FAKE_MEMORY_START, ACCESS_READ));
	assert_false(touch(LAPIC, ACCESS_READ));
	assert_false(touch(IOAPIC_0, ACCESS_READ));
	assert_false(touch(1ull << 40, ACCESS_READ));
	assert_false(touch(~0ull, ACCESS_READ));
	assert_true(touch((1ull << 40) - 1, ACCESS_READ));
	/* Nor where the processor has addresses that the tables have not. */
	this_cpu()->features.phys_bits = 52;
	assert_true(touch((1ull << 48) - 1, ACCESS_READ));
	assert_false(touch((1ull << 48) + 64 * GIB, ACCESS_READ));
	this_cpu()->features.phys_bits = 40;
	assert_false(root_map_device(&child, GPA(64 * GIB), ACCESS_READ));
}

/* As many as there are tables; then no, and what is there stays. */
static void devices_without_end(void **state)
{
	u64 gpa = 4 * GIB;

	(void)state;
	((struct slat_format *)ops.slat)->page1g = false;
	while (touch(gpa, ACCESS_WRITE))
		gpa += GIB;
	assert_true(gpa > 100 * GIB);
	assert_int_equal(rights(gpa), 0);
	assert_int_equal(rights(gpa - GIB), SLAT_READ | SLAT_WRITE);
	assert_int_equal(rights(IMAGE), 0);
	assert_true(fake_memory_end_untouched());
}

static u32 level_at(u64 gpa)
{
	struct slat_mapping m;

	return slat_lookup(&root_partition->slat, GPA(gpa), &m) ? m.level : 0;
}

static u64 reserve_left(void)
{
	return root_partition->slat.reserve.fresh_pages + root_partition->slat.reserve.freed_pages;
}

static void take_all(u64 area)
{
	for (u64 a = 0; a < PAGE_2M; a += PAGE_SIZE) {
		assert_int_equal(root_ram_take(root_partition, SPA(area + a)), HV_STATUS_SUCCESS);
		assert_int_equal(rights(area + a), 0);
		assert_int_equal(rights(area + PAGE_2M), SLAT_ALL);
	}
}

/* From both ends, so that the last page back is one in the middle. */
static void return_all(u64 area)
{
	for (u64 a = 0; a < PAGE_2M / 2; a += PAGE_SIZE) {
		root_ram_return(root_partition, SPA(area + a));
		assert_int_equal(level_at(area + a), 1);
		root_ram_return(root_partition, SPA(area + PAGE_2M - PAGE_SIZE - a));
	}
	slat_free(&root_partition->slat, slat_stale(&root_partition->slat));
}

/* Once they are all back, memory is mapped as it was, types and all. */
static void deposited_pages(void **state)
{
	static const u64 areas[] = { 64 * MIB, 3 * GIB - PAGE_2M, UC_START & ~(PAGE_2M - 1) };
	u64 before = reserve_left();

	(void)state;
	assert_true(children_inits > 0);
	assert_true(msr_inits > 0);
	assert_int_equal(root_partition->tsc_hz, clock_tsc_hz);
	for (u32 i = 0; i < ARRAY_SIZE(areas); i++) {
		u32 level = level_at(areas[i]);

		take_all(areas[i]);
		return_all(areas[i]);
		for (u64 a = areas[i]; a < areas[i] + PAGE_2M; a += PAGE_SIZE) {
			struct slat_mapping m;

			assert_true(slat_lookup(&root_partition->slat, GPA(a), &m));
			assert_int_equal(m.spa.a, a);
			assert_int_equal(m.access, SLAT_ALL);
			assert_int_equal(m.level, level);
			assert_int_equal(m.type, memtype_at(NULL, a));
		}
		assert_int_equal(reserve_left(), before);
	}
}

/* A root that used up the tables by touching devices: it keeps its page. */
static void deposit_without_tables(void **state)
{
	u64 gpa = 4 * GIB;

	(void)state;
	((struct slat_format *)ops.slat)->page1g = false;
	while (touch(gpa, ACCESS_WRITE))
		gpa += GIB;
	assert_int_equal(root_ram_take(root_partition, SPA(64 * MIB + PAGE_SIZE)),
		HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(rights(64 * MIB + PAGE_SIZE), SLAT_ALL);
}

#define BOTH(f)                                     \
	{ #f "_svm", f, start_svm, NULL, NULL },    \
	{                                           \
#f "_vmx", f, start_vmx, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(every_page),
		BOTH(types_and_leaves),
		BOTH(devices),
		BOTH(devices_without_end),
		BOTH(deposited_pages),
		BOTH(deposit_without_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
