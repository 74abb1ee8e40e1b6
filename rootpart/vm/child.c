/* SPDX-License-Identifier: MIT */
/*
 * Making and ending a child. Whenever the hypervisor's deposit is short, a
 * few pages more are given and the call is made again. TLFS 6.0b, 4.2.
 */
#include "rootpart/vm/child.h"

#include "base/errno.h"
#include "hv/cpuid.h"
#include "hv/stats.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/vm/deposit.h"

/* Pages for what the child itself asks for, see add_reserve(). */
#define RESERVE    16u /* half of them for the connections of its bus */
#define RESERVE_VP 8u
#define FLAGS \
	(HV_CREATE_LARGE_PAGES | HV_CREATE_LOCAL_APIC | HV_CREATE_INTERCEPT_PAGE | HV_CREATE_X2APIC)

/* What the configuration asks the partition to leave out, all that it does not name. */
static struct hv_creation_properties disabled(const struct vm_config *config)
{
	if (!config->has_features)
		return (struct hv_creation_properties){ .disabled_xsave_features = 0 };
	return (struct hv_creation_properties){
		.disabled_processor_features = { ~config->features[0], ~config->features[1] },
	};
}

static int create_partition(struct child *c, const struct vm_config *config)
{
	struct hv_creation_properties off = disabled(config);
	int r;

	do
		r = hypercall_create_partition(FLAGS, &off, &c->id);
	while (deposit_more(HV_PARTITION_SELF, r));
	return r;
}

/* It starts its own processors: besides what all children have. */
static int allow_start(struct child *c)
{
	u64 privileges;
	int r = hypercall_get_property(c->id, HV_PROPERTY_PRIVILEGES, &privileges);

	if (r != 0)
		return r;
	privileges |= HV_START_VIRTUAL_PROCESSOR << 32;
	return hypercall_set_property(c->id, HV_PROPERTY_PRIVILEGES, privileges);
}

static u64 percent(u32 n)
{
	return n * (u64)HV_CPU_ALL / 100;
}

int child_share(struct child *c, const struct vm_config *config)
{
	const struct {
		u32 code;
		u64 value;
	} rows[] = {
		{ HV_PROPERTY_CPU_WEIGHT, config->weight },
		{ HV_PROPERTY_CPU_CAP, config->cap ? percent(config->cap) : HV_CPU_ALL },
		{ HV_PROPERTY_CPU_RESERVE, percent(config->reserve) },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = hypercall_set_property(c->id, rows[i].code, rows[i].value);

		if (r != 0)
			return r;
	}
	return 0;
}

static int set_properties(struct child *c, const struct vm_config *config)
{
	int r = child_share(c, config);

	if (r == 0)
		r = hypercall_set_property(c->id, HV_PROPERTY_UNIMPLEMENTED_MSR, 1);
	return r == 0 ? allow_start(c) : r;
}

static int initialize(struct child *c)
{
	int r;

	do
		r = hypercall_initialize_partition(c->id);
	while (deposit_more(c->id, r));
	return r;
}

/* A block of at most @size bytes, zeroed, or NULL. */
static struct child_block *block_new(u64 gpa, u64 size)
{
	struct child_block *b = kzalloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	for (u32 order = PAGE_ORDER_MAX; order >= PAGE_ORDER_2M && b->memory == NULL; order--) {
		b->order = order;
		b->size = PAGE_SIZE << order;
		/* Aligned as the GPA, so that large pages fit. */
		if (b->size <= size && IS_ALIGNED(gpa, b->size))
			b->memory = page_alloc(order);
	}
	if (b->memory == NULL) {
		kfree(b);
		return NULL;
	}
	b->gpa = gpa;
	for (u64 at = 0; at < b->size; at += PAGE_2M) {
		memset(b->memory + at, 0, PAGE_2M);
		task_yield();
	}
	return b;
}

static int block_map(struct child *c, const struct child_block *b)
{
	u32 pages = (u32)(b->size / PAGE_2M), mapped = 0;
	int r;

	do {
		u64 at = (u64)mapped * PAGE_2M;
		u32 done;

		r = hypercall_map_gpa(c->id, GPA(b->gpa + at), GPA(gpa_of(b->memory).a + at),
			pages - mapped, (u32)(HV_MAP_ALL | HV_MAP_LARGE), &done);
		mapped += done;
	} while (deposit_more(c->id, r));
	return r;
}

static int add_ram(struct child *c, u64 gpa, u64 size)
{
	while (size > 0) {
		struct child_block *b = block_new(gpa, size);
		int r;

		if (b == NULL)
			return -ENOMEM;
		list_push_back(&c->blocks, &b->link);
		r = block_map(c, b);
		if (r != 0)
			return r;
		gpa += b->size;
		size -= b->size;
	}
	return 0;
}

/* In which chunk @gpa would be: those above the gap follow those below. */
static u64 chunk_of(u64 gpa)
{
	if (gpa < CHILD_LOW_RAM_END)
		return gpa / PAGE_2M;
	return gpa >= 4 * GIB ? (gpa - 4 * GIB + CHILD_LOW_RAM_END) / PAGE_2M : ~0ull;
}

static int make_chunks(struct child *c, u64 memory)
{
	c->chunk_count = memory / PAGE_2M;
	c->chunks = kzalloc(c->chunk_count * sizeof(*c->chunks));
	if (c->chunks == NULL)
		return -ENOMEM;
	list_for_each(n, &c->blocks)
	{
		const struct child_block *b = list_entry(n, struct child_block, link);

		for (u64 at = 0; at < b->size; at += PAGE_2M)
			c->chunks[chunk_of(b->gpa + at)] = b->memory + at;
	}
	return 0;
}

static int add_memory(struct child *c, const struct vm_config *config)
{
	u64 low = MIN(config->memory, CHILD_LOW_RAM_END);
	int r;

	/* Rather than after all that there is was zeroed. */
	if (config->memory > page_stats_get().free * PAGE_SIZE)
		return -ENOMEM;
	r = add_ram(c, 0, low);
	if (r == 0)
		r = add_ram(c, 4 * GIB, config->memory - low);
	return r == 0 ? make_chunks(c, config->memory) : r;
}

static int map_page(struct child *c, u32 vp, enum hv_vp_state_page type, gpa_t *gpa)
{
	int r;

	do
		r = hypercall_map_state_page(c->id, vp, type, gpa);
	while (deposit_more(c->id, r));
	return r;
}

static int map_counters(struct child *c, u32 vp)
{
	const struct hv_stats_page_input what = {
		.type = HV_STATS_OBJECT_VP,
		.partition_id = c->id,
		.vp_index = vp,
	};
	gpa_t page;
	int r = hypercall_map_stats_page(&what, &page);

	if (r == 0)
		c->vp[vp].counters = gpa_ptr(page);
	return r;
}

static int add_vp(struct child *c, u32 vp, const struct vm_config *config)
{
	int r;

	do
		r = hypercall_create_vp(c->id, vp);
	while (deposit_more(c->id, r));
	if (r != 0)
		return r;
	c->vps = vp + 1;
	r = map_page(c, vp, HV_STATE_PAGE_REGISTERS, &c->vp[vp].registers);
	if (r == 0)
		r = map_page(c, vp, HV_STATE_PAGE_INTERCEPT, &c->vp[vp].intercept);
	if (r == 0)
		r = map_counters(c, vp);
	if (r == 0 && config->affinity != 0)
		r = hypercall_set_affinity(c->id, vp, config->affinity);
	return r;
}

static int add_vps(struct child *c, const struct vm_config *config)
{
	int r = 0;

	for (u32 vp = 0; vp < config->cpus && r == 0; vp++)
		r = add_vp(c, vp, config);
	return r;
}

/*
 * The child's own writes of synthetic MSRs need pages, too: the hypercall page,
 * and tables where an overlay splits a large page. Nobody can give more in the
 * middle of such a write, which would fail.
 */
static int add_reserve(struct child *c)
{
	u64 wanted = RESERVE + RESERVE_VP * (u64)c->vps;
	struct hv_memory_balance_output balance;
	int r = hypercall_memory_balance(c->id, &balance);

	if (r != 0 || balance.available >= wanted)
		return r;
	return deposit_give(c->id, (u32)(wanted - balance.available));
}

static int build(struct child *c, const struct vm_config *config, const char **what)
{
	int r;

	*what = "creating the partition";
	r = create_partition(c, config);
	if (r != 0)
		return r;
	*what = "setting its properties";
	r = set_properties(c, config);
	if (r != 0)
		return r;
	*what = "initializing the partition";
	r = initialize(c);
	if (r != 0)
		return r;
	*what = "giving it memory";
	r = add_memory(c, config);
	if (r != 0)
		return r;
	*what = "creating its processors";
	r = add_vps(c, config);
	return r == 0 ? add_reserve(c) : r;
}

int child_create(struct child *c, const struct vm_config *config, const char **what)
{
	int r;

	*c = (struct child){ .id = 0 };
	list_init(&c->blocks);
	r = build(c, config, what);
	if (r != 0)
		child_destroy(c);
	return r;
}

static void free_memory(struct child *c)
{
	struct list_node *n;

	while ((n = list_pop_front(&c->blocks)) != NULL) {
		struct child_block *b = list_entry(n, struct child_block, link);

		(void)page_free(b->memory, b->order);
		kfree(b);
	}
	kfree(c->chunks);
	c->chunks = NULL;
	c->chunk_count = 0;
}

/* Each step leaves the hypervisor with less to refuse in the next one. */
void child_destroy(struct child *c)
{
	if (c->id != 0) {
		(void)hypercall_finalize_partition(c->id);
		(void)deposit_take_back(c->id);
		(void)hypercall_delete_partition(c->id);
	}
	(void)deposit_take_back(HV_PARTITION_SELF);
	free_memory(c);
	c->id = 0;
	c->vps = 0;
}

static int set_suspended(struct child *c, bool suspended)
{
	int first = 0;

	for (u32 vp = 0; vp < c->vps; vp++) {
		int r = hypercall_set_register(c->id, vp, HV_REGISTER_EXPLICIT_SUSPEND, suspended);

		first = first != 0 ? first : r;
	}
	return first;
}

int child_release(struct child *c)
{
	return set_suspended(c, false);
}

int child_suspend(struct child *c)
{
	return set_suspended(c, true);
}

void *child_piece(const struct child *c, u64 gpa, u64 *len)
{
	list_for_each(n, &c->blocks)
	{
		const struct child_block *b = list_entry(n, struct child_block, link);

		if (gpa < b->gpa || gpa - b->gpa >= b->size)
			continue;
		*len = MIN(*len, b->size - (gpa - b->gpa));
		return b->memory + (gpa - b->gpa);
	}
	return NULL;
}

u8 *child_page(const struct child *c, u64 pfn)
{
	u64 chunk =
		pfn < (4 * GIB + VM_MEMORY_MAX) >> PAGE_SHIFT ? chunk_of(pfn << PAGE_SHIFT) : ~0ull;

	return chunk < c->chunk_count ? c->chunks[chunk] + (pfn << PAGE_SHIFT) % PAGE_2M : NULL;
}

u64 child_overhead(const struct child *c)
{
	struct hv_memory_balance_output balance;

	if (c->id == 0 || hypercall_memory_balance(c->id, &balance) != 0)
		return 0;
	return (balance.available + balance.in_use) * PAGE_SIZE;
}
