/* SPDX-License-Identifier: MIT */
/*
 * The root's calls about its children, as the guest test kernels make them.
 */
#include "tests/guest/lib/child.h"

#include "base/assert.h"
#include "lib/string.h"

#define STACK_MAX 16384u

/* Pages of RAM that are in no deposit, by GPFN. */
static u64 stack[STACK_MAX];
static u64 stack_used;

/* An input block with room for a list of any length. */
static union {
	u64 words[512];
	struct hv_withdraw_memory_input withdraw;
	struct hv_map_gpa_input map;
	struct hv_map_sparse_input sparse;
} block;

u64 child_create(const struct hv_create_partition_input *in, u64 *id)
{
	return guest_hypercall_block(HV_CALL_CREATE_PARTITION, in, sizeof(*in), id, sizeof(*id));
}

u64 child_call(u64 code, u64 id)
{
	return guest_hypercall(code | HV_CONTROL_FAST, id, 0);
}

u64 child_next(u64 parent, u64 previous, u64 *id)
{
	struct hv_next_child_input in = { parent, previous };

	return guest_hypercall_block(
		HV_CALL_GET_NEXT_CHILD_PARTITION, &in, sizeof(in), id, sizeof(*id));
}

u64 child_get(u64 id, u32 property, u64 *value)
{
	struct hv_get_property_input in = { .partition_id = id, .code = property };

	return guest_hypercall_block(
		HV_CALL_GET_PARTITION_PROPERTY, &in, sizeof(in), value, sizeof(*value));
}

u64 child_set(u64 id, u32 property, u64 value)
{
	struct hv_set_property_input in = { .partition_id = id, .code = property, .value = value };

	return guest_hypercall_block(HV_CALL_SET_PARTITION_PROPERTY, &in, sizeof(in), NULL, 0);
}

/* A rep call with the first @fixed bytes of the block, then @list. */
static u64 call_list(u64 code, size_t fixed, const void *list, size_t element, u32 count)
{
	assert(fixed + element * count <= sizeof(block));
	if (list)
		memcpy((u8 *)&block + fixed, list, element * count);
	return guest_hypercall_block(
		code | HV_CONTROL_REPS(count, 0), &block, fixed + element * count, NULL, 0);
}

u64 child_deposit(u64 id, const u64 *gpfns, u32 count)
{
	block.words[0] = id;
	return call_list(HV_CALL_DEPOSIT_MEMORY, sizeof(u64), gpfns, sizeof(u64), count);
}

u64 child_withdraw(u64 id, u64 *gpfns, u32 count)
{
	struct hv_withdraw_memory_input in = { .partition_id = id };

	return guest_hypercall_block(HV_CALL_WITHDRAW_MEMORY | HV_CONTROL_REPS(count, 0), &in,
		sizeof(in), gpfns, count * sizeof(u64));
}

u64 child_balance(u64 id, u64 *available, u64 *in_use)
{
	struct hv_memory_balance_input in = { .partition_id = id };
	struct hv_memory_balance_output out;
	u64 result = guest_hypercall_block(
		HV_CALL_GET_MEMORY_BALANCE, &in, sizeof(in), &out, sizeof(out));

	*available = out.available;
	*in_use = out.in_use;
	return result;
}

u64 child_map_list(u64 id, u64 base_gpfn, const u64 *gpfns, u32 count, u32 flags)
{
	block.map = (struct hv_map_gpa_input){
		.partition_id = id, .base_gpfn = base_gpfn, .flags = flags
	};
	return call_list(
		HV_CALL_MAP_GPA_PAGES, sizeof(struct hv_map_gpa_input), gpfns, sizeof(u64), count);
}

u64 child_map_sparse(u64 id, const struct hv_sparse_gpa *list, u32 count, u32 flags)
{
	block.sparse = (struct hv_map_sparse_input){ .partition_id = id, .flags = flags };
	return call_list(HV_CALL_MAP_SPARSE_GPA_PAGES, sizeof(struct hv_map_sparse_input), list,
		sizeof(*list), count);
}

u64 child_unmap_list(u64 id, u64 base_gpfn, u32 count, u32 flags)
{
	struct hv_unmap_gpa_input in = {
		.partition_id = id, .base_gpfn = base_gpfn, .flags = flags
	};

	return guest_hypercall_block(
		HV_CALL_UNMAP_GPA_PAGES | HV_CONTROL_REPS(count, 0), &in, sizeof(in), NULL, 0);
}

u64 child_access_state(u64 id, u64 base_gpfn, u32 count, u64 flags, u8 *state)
{
	struct hv_access_state_input in = {
		.partition_id = id, .flags = flags, .base_gpfn = base_gpfn
	};

	return guest_hypercall_block(HV_CALL_GET_GPA_PAGES_ACCESS_STATE | HV_CONTROL_REPS(count, 0),
		&in, sizeof(in), state, count);
}

static void stack_fill(u64 count)
{
	u64 at = guest_ram(count * PAGE_SIZE, PAGE_SIZE);

	assert(stack_used + count <= STACK_MAX);
	/* The lowest is taken first. */
	for (u64 i = count; i-- > 0;)
		stack[stack_used++] = (at >> PAGE_SHIFT) + i;
}

void child_deposit_pages(u64 id, u64 count)
{
	static u64 gpfns[HV_DEPOSIT_MAX];

	if (stack_used < count)
		stack_fill(count - stack_used);
	while (count) {
		u32 n = (u32)MIN(count, HV_DEPOSIT_MAX);
		u64 result;

		for (u32 i = 0; i < n; i++)
			gpfns[i] = stack[--stack_used];
		result = child_deposit(id, gpfns, n);
		assert(result == CHILD_DONE(n));
		count -= n;
	}
}

u64 child_withdraw_all(u64 id)
{
	u64 total = 0;

	for (;;) {
		static u64 gpfns[HV_WITHDRAW_MAX];
		u64 result = child_withdraw(id, gpfns, HV_WITHDRAW_MAX);

		for (u32 i = 0; i < HV_RESULT_REPS(result); i++) {
			assert(stack_used < STACK_MAX);
			stack[stack_used++] = gpfns[i];
		}
		total += HV_RESULT_REPS(result);
		if (HV_RESULT_STATUS(result) == HV_STATUS_SUCCESS)
			continue;
		assert(HV_RESULT_STATUS(result) == HV_STATUS_NO_RESOURCES);
		return total;
	}
}

struct hv_create_partition_input child_input = {
	.flags = HV_CREATE_LARGE_PAGES | HV_CREATE_LOCAL_APIC | HV_CREATE_INTERCEPT_PAGE |
		 HV_CREATE_X2APIC,
	.compatibility_version = HV_CREATE_COMPATIBILITY,
};
u64 child_privileges;

u64 child_make(u64 pages)
{
	u64 id, result;

	child_deposit_pages(HV_PARTITION_SELF, 1);
	result = child_create(&child_input, &id);
	assert(result == HV_STATUS_SUCCESS);
	if (child_privileges)
		assert(child_set(id, HV_PROPERTY_PRIVILEGES, child_privileges) ==
			HV_STATUS_SUCCESS);
	child_deposit_pages(id, pages);
	result = child_call(HV_CALL_INITIALIZE_PARTITION, id);
	assert(result == HV_STATUS_SUCCESS);
	return id;
}

u64 child_end(u64 id)
{
	u64 result = child_call(HV_CALL_FINALIZE_PARTITION, id);
	u64 pages;

	assert(result == HV_STATUS_SUCCESS);
	pages = child_withdraw_all(id);
	result = child_call(HV_CALL_DELETE_PARTITION, id);
	assert(result == HV_STATUS_SUCCESS);
	child_withdraw_all(HV_PARTITION_SELF);
	return pages;
}

bool child_pages_zero(void)
{
	for (u64 i = 0; i < stack_used; i++) {
		const u64 *page = (const u64 *)(stack[i] << PAGE_SHIFT);

		for (u32 n = 0; n < PAGE_SIZE / sizeof(u64); n++)
			if (page[n] != 0)
				return false;
	}
	return true;
}

static u64 unit_of(u32 flags, u32 large)
{
	return flags & large ? PAGE_2M : PAGE_SIZE;
}

void child_map(u64 id, u64 gpa, u64 spa, u64 size, u32 flags)
{
	static u64 gpfns[HV_MAP_GPA_MAX];
	u64 unit = unit_of(flags, HV_MAP_LARGE);

	while (size) {
		u32 n = (u32)MIN(size / unit, HV_MAP_GPA_MAX);
		u64 result;

		for (u32 i = 0; i < n; i++)
			gpfns[i] = (spa + i * unit) >> PAGE_SHIFT;
		result = child_map_list(id, gpa >> PAGE_SHIFT, gpfns, n, flags);
		assert(result == CHILD_DONE(n));
		gpa += n * unit;
		spa += n * unit;
		size -= n * unit;
	}
}

void child_unmap(u64 id, u64 gpa, u64 size, u32 flags)
{
	u64 unit = unit_of(flags, HV_UNMAP_LARGE);

	while (size) {
		u32 n = (u32)MIN(size / unit, 4095);
		u64 result = child_unmap_list(id, gpa >> PAGE_SHIFT, n, flags);

		assert(result == CHILD_DONE(n));
		gpa += n * unit;
		size -= n * unit;
	}
}
