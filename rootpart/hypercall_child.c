/* SPDX-License-Identifier: MIT */
/*
 * The stubs: an input block, a call, an output block.
 */
#include "rootpart/hypercall_child.h"

#include "base/errno.h"
#include "rootpart/hypercall.h"

/* Elements of one call: interrupts are off meanwhile. */
#define HV_MAP_GPA_BATCH 64u

int hypercall_create_partition(u64 flags, const struct hv_creation_properties *disabled, u64 *id)
{
	struct hv_create_partition_input in = {
		.flags = flags,
		.compatibility_version = HV_CREATE_COMPATIBILITY,
		.properties = *disabled,
	};

	return hypercall(HV_CALL_CREATE_PARTITION, &in, sizeof(in), id, sizeof(*id));
}

static int named(u16 code, u64 id)
{
	struct hv_partition_input in = { .partition_id = id };

	return hypercall(code, &in, sizeof(in), NULL, 0);
}

int hypercall_initialize_partition(u64 id)
{
	return named(HV_CALL_INITIALIZE_PARTITION, id);
}

int hypercall_finalize_partition(u64 id)
{
	return named(HV_CALL_FINALIZE_PARTITION, id);
}

int hypercall_delete_partition(u64 id)
{
	return named(HV_CALL_DELETE_PARTITION, id);
}

int hypercall_next_child(u64 previous, u64 *id)
{
	struct hv_next_child_input in = { .parent_id = HV_PARTITION_SELF, .previous_id = previous };
	int r = hypercall(HV_CALL_GET_NEXT_CHILD_PARTITION, &in, sizeof(in), id, sizeof(*id));

	return r == 0 && *id == 0 ? -ENOENT : r;
}

int hypercall_get_property(u64 id, u32 code, u64 *value)
{
	struct hv_get_property_input in = { .partition_id = id, .code = code };

	return hypercall(HV_CALL_GET_PARTITION_PROPERTY, &in, sizeof(in), value, sizeof(*value));
}

int hypercall_set_property(u64 id, u32 code, u64 value)
{
	struct hv_set_property_input in = { .partition_id = id, .code = code, .value = value };

	return hypercall(HV_CALL_SET_PARTITION_PROPERTY, &in, sizeof(in), NULL, 0);
}

int hypercall_set_affinity(u64 id, u32 vp, u64 processors)
{
	struct hv_set_property_ex_input in = {
		.partition_id = id,
		.code = HV_PROPERTY_AFFINITY,
		.argument = HV_PROPERTY_ARGUMENT_VP(vp),
	};
	/* A sparse set: format, valid banks, the first bank. */
	u64 set[] = { 0, 1, processors };

	return hypercall_variable(
		HV_CALL_SET_PARTITION_PROPERTY_EX, &in, sizeof(in), set, ARRAY_SIZE(set), NULL, 0);
}

int hypercall_deposit(u64 id, const u64 *gpfns, u32 count, u32 *done)
{
	struct hv_partition_input in = { .partition_id = id };
	const struct hypercall_reps c = {
		.in = &in,
		.in_size = sizeof(in),
		.list = gpfns,
		.element_in = sizeof(*gpfns),
		.count = count,
	};

	return hypercall_rep(HV_CALL_DEPOSIT_MEMORY, &c, done);
}

int hypercall_withdraw(u64 id, u64 *gpfns, u32 count, u32 *done)
{
	struct hv_withdraw_memory_input in = { .partition_id = id };
	const struct hypercall_reps c = {
		.in = &in,
		.in_size = sizeof(in),
		.out = gpfns,
		.element_out = sizeof(*gpfns),
		.count = count,
	};

	return hypercall_rep(HV_CALL_WITHDRAW_MEMORY, &c, done);
}

int hypercall_memory_balance(u64 id, struct hv_memory_balance_output *balance)
{
	struct hv_memory_balance_input in = { .partition_id = id };

	return hypercall(HV_CALL_GET_MEMORY_BALANCE, &in, sizeof(in), balance, sizeof(*balance));
}

/* As many elements as one call takes, again and again. */
int hypercall_map_gpa(u64 id, gpa_t gpa, gpa_t source, u32 count, u32 flags, u32 *done)
{
	u64 step = flags & HV_MAP_LARGE ? PAGE_2M >> PAGE_SHIFT : 1;
	u64 list[HV_MAP_GPA_BATCH];

	for (*done = 0; *done < count;) {
		struct hv_map_gpa_input in = {
			.partition_id = id,
			.base_gpfn = (gpa.a >> PAGE_SHIFT) + *done * step,
			.flags = flags,
		};
		struct hypercall_reps c = {
			.in = &in,
			.in_size = sizeof(in),
			.list = list,
			.element_in = sizeof(*list),
			.count = MIN(count - *done, HV_MAP_GPA_BATCH),
		};
		u32 reps;
		int r;

		for (u32 i = 0; i < c.count; i++)
			list[i] = (source.a >> PAGE_SHIFT) + (*done + i) * step;
		r = hypercall_rep(HV_CALL_MAP_GPA_PAGES, &c, &reps);
		*done += reps;
		if (r != 0)
			return r;
	}
	return 0;
}

int hypercall_unmap_gpa(u64 id, gpa_t gpa, u32 count, u32 flags, u32 *done)
{
	u64 step = flags & HV_UNMAP_LARGE ? PAGE_2M >> PAGE_SHIFT : 1;

	for (*done = 0; *done < count;) {
		struct hv_unmap_gpa_input in = {
			.partition_id = id,
			.base_gpfn = (gpa.a >> PAGE_SHIFT) + *done * step,
			.flags = flags,
		};
		const struct hypercall_reps c = {
			.in = &in,
			.in_size = sizeof(in),
			.count = MIN(count - *done, HV_MAP_GPA_BATCH),
		};
		u32 reps;
		int r = hypercall_rep(HV_CALL_UNMAP_GPA_PAGES, &c, &reps);

		*done += reps;
		if (r != 0)
			return r;
	}
	return 0;
}

int hypercall_create_vp(u64 id, u32 vp)
{
	struct hv_create_vp_input in = { .partition_id = id, .vp_index = vp };

	return hypercall(HV_CALL_CREATE_VP, &in, sizeof(in), NULL, 0);
}

int hypercall_get_registers(
	u64 id, u32 vp, const u32 *names, union hv_register_value *values, u32 count)
{
	struct hv_vp_registers_input in = { .partition_id = id, .vp_index = vp };
	const struct hypercall_reps c = {
		.in = &in,
		.in_size = sizeof(in),
		.list = names,
		.element_in = sizeof(*names),
		.out = values,
		.element_out = sizeof(*values),
		.count = count,
	};

	return hypercall_rep(HV_CALL_GET_VP_REGISTERS, &c, NULL);
}

int hypercall_set_registers(u64 id, u32 vp, const struct hv_register_assoc *registers, u32 count)
{
	struct hv_vp_registers_input in = { .partition_id = id, .vp_index = vp };
	const struct hypercall_reps c = {
		.in = &in,
		.in_size = sizeof(in),
		.list = registers,
		.element_in = sizeof(*registers),
		.count = count,
	};

	return hypercall_rep(HV_CALL_SET_VP_REGISTERS, &c, NULL);
}

int hypercall_set_register(u64 id, u32 vp, u32 name, u64 value)
{
	struct hv_register_assoc one = { .name = name, .value = { .wide = { value } } };

	return hypercall_set_registers(id, vp, &one, 1);
}

int hypercall_get_register(u64 id, u32 vp, u32 name, u64 *value)
{
	union hv_register_value v;
	int r = hypercall_get_registers(id, vp, &name, &v, 1);

	if (r == 0)
		*value = v.u64;
	return r;
}

int hypercall_assert_interrupt(u64 id, u64 control, u64 destination, u32 vector)
{
	struct hv_assert_interrupt_input in = {
		.partition_id = id,
		.control = control,
		.destination = destination,
		.vector = vector,
	};

	return hypercall(HV_CALL_ASSERT_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0);
}

int hypercall_map_state_page(u64 id, u32 vp, enum hv_vp_state_page type, gpa_t *gpa)
{
	struct hv_map_state_page_input in = {
		.partition_id = id,
		.vp_index = vp,
		.type = (u16)type,
	};
	u64 gpfn;
	int r = hypercall(HV_CALL_MAP_VP_STATE_PAGE, &in, sizeof(in), &gpfn, sizeof(gpfn));

	if (r == 0)
		*gpa = GPA(gpfn << PAGE_SHIFT);
	return r;
}

int hypercall_unmap_state_page(u64 id, u32 vp, enum hv_vp_state_page type)
{
	struct hv_unmap_state_page_input in = {
		.partition_id = id,
		.vp_index = vp,
		.type = (u16)type,
	};

	return hypercall(HV_CALL_UNMAP_VP_STATE_PAGE, &in, sizeof(in), NULL, 0);
}

int hypercall_translate(u64 id, u32 vp, u64 gva, u64 flags, struct hv_translate_output *out)
{
	struct hv_translate_input in = {
		.partition_id = id,
		.vp_index = vp,
		.flags = flags,
		.gva_page = gva >> PAGE_SHIFT,
	};

	return hypercall(HV_CALL_TRANSLATE_VIRTUAL_ADDRESS, &in, sizeof(in), out, sizeof(*out));
}
