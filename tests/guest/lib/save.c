/* SPDX-License-Identifier: MIT */
/*
 * Saving and restoring. Registers come before the blocks: they turn pages on,
 * which zeroes them, and say which mode the APIC has.
 */
#include "tests/guest/lib/save.h"

#include "base/assert.h"
#include "lib/string.h"
#include "x86/cr.h"

static const struct {
	u32 first, last;
	bool once; /* of the partition: by VP 0 */
} names[] = {
	{ HV_X64_REGISTER_CRASH_P0, HV_X64_REGISTER_CRASH_P0 + 4, true },
	{ HV_REGISTER_GUEST_OS_ID, HV_REGISTER_GUEST_OS_ID, true },
	{ HV_REGISTER_HYPERCALL, HV_REGISTER_HYPERCALL, true },
	{ HV_REGISTER_REFERENCE_TSC, HV_REGISTER_REFERENCE_TSC, true },
	{ HV_REGISTER_PENDING_INTERRUPTION, HV_REGISTER_PENDING_EVENT0, false },
	{ HV_X64_REGISTER_RAX, HV_X64_REGISTER_RFLAGS, false },
	{ HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR0, false },
	{ HV_X64_REGISTER_CR2, HV_X64_REGISTER_CR2, false },
	{ HV_X64_REGISTER_CR3, HV_X64_REGISTER_XFEM, false },
	{ HV_X64_REGISTER_DR0, HV_X64_REGISTER_DR3, false },
	{ HV_X64_REGISTER_DR6, HV_X64_REGISTER_DR7, false },
	{ HV_X64_REGISTER_ES, HV_X64_REGISTER_TR, false },
	{ HV_X64_REGISTER_IDTR, HV_X64_REGISTER_GDTR, false },
	{ HV_X64_REGISTER_EFER, HV_X64_REGISTER_SFMASK, false },
	{ HV_X64_REGISTER_TSC_AUX, HV_X64_REGISTER_TSC_AUX, false },
	{ HV_REGISTER_VP_ASSIST_PAGE, HV_REGISTER_VP_ASSIST_PAGE, false },
	{ HV_REGISTER_SINT0, HV_REGISTER_SCONTROL, false },
	{ HV_REGISTER_SIEFP, HV_REGISTER_SIMP, false },
	/* Last: from here on it is as it was, but for being suspended. */
	{ HV_REGISTER_INTERNAL_ACTIVITY, HV_REGISTER_INTERNAL_ACTIVITY, false },
};

/* Those of VP @vp, in the order of restoring. */
static u32 names_of(u32 vp, u32 list[SAVE_REGISTERS])
{
	u32 count = 0;

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		for (u32 n = names[i].first; n <= names[i].last && !(names[i].once && vp); n++) {
			assert(count < SAVE_REGISTERS);
			list[count++] = n;
		}
	return count;
}

static u64 state_call(u64 code, u64 id, u32 vp, u32 type, const void *page)
{
	struct {
		struct hv_vp_state_input in;
		u64 gpfn;
	} in = {
		.in = { .partition_id = id, .vp_index = vp, .type = type },
		.gpfn = (u64)page >> PAGE_SHIFT,
	};

	if (type == (u32)HV_VP_STATE_XSAVE) {
		assert(child_get(id, HV_PROPERTY_XSAVE_STATES, &in.in.xsave_states) == 0);
		in.in.xsave_states |= XCR0_X87 | XCR0_SSE;
	}
	return guest_hypercall_block(code | HV_CONTROL_VARHEAD_IS(1), &in, sizeof(in), NULL, 0);
}

/* What goes through pages, where it is kept. */
static const struct {
	const char *name;
	u32 type;
	u32 offset, size;
} blocks[] = {
#define BLOCK(member, type)                                            \
	{                                                              \
#member, (u32)type, offsetof(struct saved_vp, member), \
			sizeof(((struct saved_vp *)NULL)->member)      \
	}
	BLOCK(apic, HV_VP_STATE_LOCAL_APIC),
	BLOCK(fpu, HV_VP_STATE_XSAVE),
	BLOCK(messages, HV_VP_STATE_MESSAGE_PAGE),
	BLOCK(event_flags, HV_VP_STATE_EVENT_FLAGS_PAGE),
	BLOCK(waiting, HV_VP_STATE_WAITING_MESSAGES),
};

static void timers_get(u64 id, u32 vp, struct hv_stimers_state *timers)
{
	struct hv_vp_state_input in = {
		.partition_id = id, .vp_index = vp, .type = HV_VP_STATE_TIMERS
	};

	assert(guest_hypercall_block(HV_CALL_GET_VP_STATE, &in, sizeof(in), timers,
		       sizeof(*timers)) == HV_STATUS_SUCCESS);
}

static void timers_set(u64 id, u32 vp, const struct hv_stimers_state *timers)
{
	struct {
		struct hv_vp_state_input in;
		struct hv_stimers_state timers;
	} in = {
		.in = { .partition_id = id, .vp_index = vp, .type = HV_VP_STATE_TIMERS },
		.timers = *timers,
	};

	assert(guest_hypercall_block(
		       HV_CALL_SET_VP_STATE | HV_CONTROL_VARHEAD_IS(sizeof(in.timers) / 8), &in,
		       sizeof(in), NULL, 0) == HV_STATUS_SUCCESS);
}

static u64 assist_gpa(u64 id, u32 vp)
{
	return child_register(id, vp, HV_REGISTER_VP_ASSIST_PAGE) & ~PAGE_MASK;
}

static void assist_get(u64 id, u32 vp, u64 out[2])
{
	struct hv_read_gpa_input in = {
		.partition_id = id, .vp_index = vp, .byte_count = 16, .gpa = assist_gpa(id, vp)
	};
	struct hv_read_gpa_output result;

	assert(guest_hypercall_block(HV_CALL_READ_GPA, &in, sizeof(in), &result, sizeof(result)) ==
			HV_STATUS_SUCCESS &&
		result.result == HV_GPA_SUCCESS);
	memcpy(out, result.data, 16);
}

static void assist_set(u64 id, u32 vp, const u64 v[2])
{
	struct hv_write_gpa_input in = {
		.partition_id = id, .vp_index = vp, .byte_count = 16, .gpa = assist_gpa(id, vp)
	};
	u64 result;

	memcpy(in.data, v, 16);
	assert(guest_hypercall_block(HV_CALL_WRITE_GPA, &in, sizeof(in), &result, sizeof(result)) ==
			HV_STATUS_SUCCESS &&
		result == HV_GPA_SUCCESS);
}

static void save_vp(u64 id, u32 vp, struct saved_vp *s)
{
	u32 list[SAVE_REGISTERS];
	u32 count = names_of(vp, list);

	assert(child_get_registers(id, vp, list, s->registers, count) == CHILD_DONE(count));
	for (u32 i = 0; i < ARRAY_SIZE(blocks); i++)
		assert(state_call(HV_CALL_GET_VP_STATE, id, vp, blocks[i].type,
			       (u8 *)s + blocks[i].offset) == HV_STATUS_SUCCESS);
	timers_get(id, vp, &s->timers);
	s->deadline = child_register(id, vp, HV_X64_REGISTER_TSC_DEADLINE);
	assist_get(id, vp, s->assist);
}

static void restore_registers(u64 id, u32 vp, const struct saved_vp *s)
{
	static struct hv_register_assoc list[SAVE_REGISTERS];
	u32 name[SAVE_REGISTERS];
	u32 count = names_of(vp, name);
	u64 result;

	for (u32 i = 0; i < count; i++)
		list[i] = (struct hv_register_assoc){ .name = name[i], .value = s->registers[i] };
	result = child_set_registers(id, vp, list, count);
	if (result != CHILD_DONE(count))
		guest_fail("register", "%x: %lx", name[HV_RESULT_REPS(result)], result);
}

static void restore_vp(u64 id, u32 vp, const struct saved_vp *s)
{
	restore_registers(id, vp, s);
	for (u32 i = 0; i < ARRAY_SIZE(blocks); i++) {
		u64 result = blocks[i].type == (u32)HV_VP_STATE_WAITING_MESSAGES
				     ? 0
				     : state_call(HV_CALL_SET_VP_STATE, id, vp, blocks[i].type,
					       (const u8 *)s + blocks[i].offset);

		if (result)
			guest_fail("block", "%s: %lx", blocks[i].name, result);
	}
	timers_set(id, vp, &s->timers);
	/* Behind the APIC's mode. */
	if (s->deadline)
		child_register_set(id, vp, HV_X64_REGISTER_TSC_DEADLINE, s->deadline);
	assist_set(id, vp, s->assist);
}

struct saved *save_alloc(void)
{
	return (struct saved *)guest_ram(ALIGN_UP(sizeof(struct saved), PAGE_SIZE), PAGE_SIZE);
}

void save_child(u64 id, struct saved *s)
{
	assert(child_get(id, HV_PROPERTY_REFERENCE_TIME, &s->time) == HV_STATUS_SUCCESS);
	s->tsc = child_register(id, 0, HV_X64_REGISTER_TSC);
	s->sequence = (u32)child_register(id, 0, HV_REGISTER_REFERENCE_TSC_SEQUENCE);
	for (u32 i = 0; i < SAVE_VPS; i++)
		save_vp(id, i, &s->vp[i]);
}

void save_restore(u64 id, const struct saved *s)
{
	const struct hv_restore_time_input time = {
		.partition_id = id,
		.tsc_sequence = s->sequence,
		.reference_time = s->time,
		.tsc = s->tsc,
	};

	assert(child_set(id, HV_PROPERTY_TIME_FREEZE, 1) == HV_STATUS_SUCCESS);
	assert(guest_hypercall_block(HV_CALL_RESTORE_PARTITION_TIME, &time, sizeof(time), NULL,
		       0) == HV_STATUS_SUCCESS);
	for (u32 i = 0; i < SAVE_VPS; i++)
		restore_vp(id, i, &s->vp[i]);
}

static const char *vp_difference(
	u32 vp, const struct saved_vp *a, const struct saved_vp *b, u64 *which)
{
	u32 list[SAVE_REGISTERS];
	u32 count = names_of(vp, list);

	for (u32 i = 0; i < count; i++)
		if (memcmp(&a->registers[i], &b->registers[i], sizeof(a->registers[i])) != 0) {
			*which = list[i];
			return "register";
		}
	for (u32 i = 0; i < ARRAY_SIZE(blocks); i++) {
		const u8 *one = (const u8 *)a + blocks[i].offset;
		const u8 *other = (const u8 *)b + blocks[i].offset;

		for (u32 at = 0; at < blocks[i].size; at++)
			if (one[at] != other[at]) {
				*which = at;
				return blocks[i].name;
			}
	}
	*which = b->deadline;
	if (a->deadline != b->deadline)
		return "deadline";
	if (memcmp(&a->timers, &b->timers, sizeof(a->timers)) != 0)
		return "timers";
	return memcmp(a->assist, b->assist, sizeof(a->assist)) ? "assist" : NULL;
}

const char *save_difference(const struct saved *a, const struct saved *b, u64 *which)
{
	const char *name = a->time == b->time && a->tsc == b->tsc && a->sequence == b->sequence
				   ? NULL
				   : "time";

	*which = b->time;
	for (u32 i = 0; i < SAVE_VPS && !name; i++)
		name = vp_difference(i, &a->vp[i], &b->vp[i], which);
	return name;
}
