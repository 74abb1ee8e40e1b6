/* SPDX-License-Identifier: MIT */
/*
 * Building the root partition. Its memory is all of the machine's, GPA = SPA,
 * but for the hypervisor's image and owned region, the local APIC's page, the
 * addresses of interrupt messages and the IOAPICs; of the owned region it
 * reads what shared.c gave out.
 */
#include "hypervisor/root.h"

#include "base/assert.h"
#include "boot/boot_info.h"
#include "hv/cpuid.h"
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/frame.h"
#include "hypervisor/log.h"
#include "hypervisor/memory_plan.h"
#include "hypervisor/mtrr.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_life.h"
#include "hypervisor/partition_table.h"
#include "hypervisor/platform.h"
#include "hypervisor/policy.h"
#include "hypervisor/pool.h"
#include "hypervisor/root_image.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define ROOT_PRIVILEGES_MSRS                                                                     \
	(HV_ACCESS_VP_RUNTIME | HV_ACCESS_REFERENCE_COUNT | HV_ACCESS_SYNIC |                    \
		HV_ACCESS_APIC_MSRS | HV_ACCESS_HYPERCALL_MSRS | HV_ACCESS_VP_INDEX |            \
		HV_ACCESS_FREQUENCY_MSRS | HV_ACCESS_SYNTHETIC_TIMER | HV_ACCESS_REFERENCE_TSC | \
		HV_ACCESS_GUEST_IDLE)
#define ROOT_PRIVILEGES_CALLS                                                            \
	(HV_CREATE_PARTITIONS | HV_ACCESS_PARTITION_ID | HV_ACCESS_MEMORY_POOL |         \
		HV_POST_MESSAGES | HV_SIGNAL_EVENTS | HV_CREATE_PORT | HV_CONNECT_PORT | \
		HV_ACCESS_STATS_PAGES | HV_ACCESS_VP_REGISTERS | HV_CPU_MANAGEMENT |     \
		HV_START_VIRTUAL_PROCESSOR)

#define MSI_WINDOW       0xfee00000ull
#define IOAPIC_SIZE      0x44u /* to the end of its last register */
#define MSI_WINDOW_SIZE  MIB

#define LEAF_SPAN(level) (1ull << (12 + 9 * ((level)-1)))

struct partition *root_partition;

/* From here up everything is a device's; below, what is not mapped is nobody's. */
static u64 device_floor;

/* Largest leaf at @at for which one memory type holds. */
static u32 leaf_level(u64 at, u64 end, enum memtype *type)
{
	for (u32 level = 3; level > 1; level--) {
		u64 span = LEAF_SPAN(level);

		if (IS_ALIGNED(at, span) && at + span <= end &&
			memtype_uniform(mtrr_set(), at, span, type))
			return level;
	}
	*type = memtype_at(mtrr_set(), at);
	return 1;
}

static enum hv_status map_identity(struct slat *slat, u64 start, u64 end, u32 access)
{
	for (u64 at = start; at < end;) {
		enum memtype type;
		u32 level = leaf_level(at, end, &type);
		u64 span = LEAF_SPAN(level);
		enum hv_status s = slat_map(slat, GPA(at), SPA(at), span, access, type, level);

		if (s != HV_STATUS_SUCCESS)
			return s;
		at += span;
	}
	return HV_STATUS_SUCCESS;
}

/* Takes out all pages that [start, start + size) touches: an IOAPIC may lie inside one. */
static void carve(struct slat *slat, u64 start, u64 size)
{
	u64 first = ALIGN_DOWN(start, PAGE_SIZE);
	enum hv_status s = slat_unmap(slat, GPA(first), ALIGN_UP(start + size, PAGE_SIZE) - first);

	assert(s == HV_STATUS_SUCCESS);
}

static void share(struct slat *slat, u64 start, u64 size)
{
	for (u64 at = start; at < start + size; at += PAGE_SIZE) {
		const struct frame *f = frame_get(SPA(at));
		enum hv_status s;

		if (!f || f->type != FRAME_SHARED)
			continue;
		s = slat_map(slat, GPA(at), SPA(at), PAGE_SIZE, SLAT_READ, MEMTYPE_WB, 1);
		assert(s == HV_STATUS_SUCCESS);
	}
}

static void map_memory(struct partition *p, const struct memory_plan *plan)
{
	struct slat *slat = &p->slat;
	enum hv_status s;

	device_floor = MAX(plan->top, 4 * GIB);
	s = map_identity(slat, 0, device_floor, SLAT_ALL);
	assert(s == HV_STATUS_SUCCESS);
	carve(slat, plan->image, plan->image_size);
	carve(slat, plan->owned, plan->owned_size);
	carve(slat, platform.lapic_address, PAGE_SIZE);
	/* A store there may be taken for a message: to any processor, an NMI or INIT too. */
	carve(slat, MSI_WINDOW, MSI_WINDOW_SIZE);
	for (u32 i = 0; i < platform.ioapic_count; i++)
		carve(slat, platform.ioapics[i].address, IOAPIC_SIZE);
}

static bool is_ioapic(u64 gpa)
{
	for (u32 i = 0; i < platform.ioapic_count; i++)
		if (ALIGN_DOWN(gpa, PAGE_SIZE) ==
			ALIGN_DOWN(platform.ioapics[i].address, PAGE_SIZE))
			return true;
	return false;
}

/* Largest leaf around @gpa that lies whole above all memory. */
static u32 device_level(u64 gpa)
{
	u32 level = 3;

	while (level > 1 && ALIGN_DOWN(gpa, LEAF_SPAN(level)) < device_floor)
		level--;
	return level;
}

static_assert(ACCESS_READ == SLAT_READ && ACCESS_WRITE == SLAT_WRITE && ACCESS_EXEC == SLAT_EXEC);

bool root_map_device(struct partition *p, gpa_t gpa, u32 access)
{
	u64 limit = 1ull << MIN(this_cpu()->features.phys_bits, SLAT_GPA_BITS);
	u32 level = device_level(gpa.a);
	u64 start = ALIGN_DOWN(gpa.a, LEAF_SPAN(level));
	struct slat_mapping there;

	if (p != root_partition || gpa.a >= limit || gpa.a < device_floor || is_ioapic(gpa.a))
		return false;
	/* Another VP may have mapped it since this one's fault. */
	if (slat_lookup(&p->slat, gpa, &there))
		return (there.access & access) == access;
	return slat_map(&p->slat, GPA(start), SPA(start), LEAF_SPAN(level), SLAT_READ | SLAT_WRITE,
		       MEMTYPE_UC, level) == HV_STATUS_SUCCESS;
}

enum hv_status root_ram_take(struct partition *p, spa_t spa)
{
	return slat_unmap(&p->slat, GPA(spa.a), PAGE_SIZE);
}

/* The table of the last level is there: it has an entry that maps nothing. */
void root_ram_return(struct partition *p, spa_t spa)
{
	enum hv_status s = slat_map(
		&p->slat, GPA(spa.a), spa, PAGE_SIZE, SLAT_ALL, memtype_at(mtrr_set(), spa.a), 1);

	assert(s == HV_STATUS_SUCCESS);
	slat_promote(&p->slat, GPA(spa.a));
}

static void create_partition(const struct memory_plan *plan)
{
	struct partition *p = pool_alloc((sizeof(*p) + PAGE_MASK) >> PAGE_SHIFT);
	enum hv_status s;

	assert(p);
	p->id = HV_PARTITION_ID_ROOT;
	p->privileges = ROOT_PRIVILEGES_MSRS | ROOT_PRIVILEGES_CALLS << 32;
	reference_time_start(&p->time);
	p->tsc_hz = clock_tsc_hz;
	policy_msr_init(p);
	p->state = PARTITION_ACTIVE;
	list_init(&p->overlays);
	overlay_init(&p->hypercall_overlay);
	s = slat_init(&p->slat, virt->slat, plan->slat_reserve);
	assert(s == HV_STATUS_SUCCESS);
	s = virt->bitmaps_create(p);
	assert(s == HV_STATUS_SUCCESS);
	partition_table_add_root(p);
	root_partition = p;
}

static void create_vps(struct partition *p)
{
	for (u32 i = 0; i < cpu_count; i++) {
		struct vp *vp;
		enum hv_status s = vp_create(p, i, cpus[i]->apic_id, cpus[i], &vp);

		assert(s == HV_STATUS_SUCCESS);
		cpus[i]->root_vp = vp;
	}
}

void root_create(const struct boot_info *info, const struct memory_plan *plan)
{
	struct root_image image;

	root_image_find(&image, info, plan);
	create_partition(plan);
	map_memory(root_partition, plan);
	create_vps(root_partition);
	root_image_load(&image, info, plan, root_partition->vps[0]);
	share(&root_partition->slat, plan->image, plan->image_size);
	share(&root_partition->slat, plan->owned, plan->owned_size);
	/* Nobody walks them yet. */
	slat_free(&root_partition->slat, slat_stale(&root_partition->slat));
	partition_children_init();
	log_info("root: %u processors, %lu MiB of memory, %lu MiB kept by the hypervisor",
		cpu_count, (plan->ram - plan->owned_size - plan->image_size) / MIB,
		(plan->owned_size + plan->image_size) / MIB);
}

void root_start(void)
{
	atomic_fetch_and(&root_partition->vps[0]->stop, ~(u32)VP_STOP_STARTUP);
}
