/* SPDX-License-Identifier: MIT */
/*
 * HvCallGetVpState and SetVpState: each block there and back, between VPs whose
 * areas differ; messages that wait; and every input that is refused, with nothing
 * changed and the borrowed page given back.
 * sources: hypervisor/hc_vp_state.c hypervisor/fpu_state.c hypervisor/synic_state.c
 * sources: hypervisor/xsave_area.c
 */
#include "wire.h"

#include <string.h>

#include "hv/vp_state.h"
#include "hypervisor/cpu.h"
#include "hypervisor/guest.h"
#include "hypervisor/hc.h"
#include "hypervisor/synic_impl.h"
#include "hypervisor/vp.h"

#define PAGES     3u
#define GPFN      0x100u
#define X87       1u
#define SSE       2u
#define AVX       4u
#define OPMASK    0x20u
#define ZMM       0x40u
#define ALL       (X87 | SSE | AVX | OPMASK | ZMM)
#define XCOMP_BV  520u
#define AVX_PLACE 576u

static struct partition root, child;
static struct cpu cpu;
static struct vp caller, vp;
static u8 area[4096] __attribute__((aligned(64)));
static struct hv_message_page slots;
static struct hv_event_flags_page flags;
static u8 memory[PAGES][4096] __attribute__((aligned(64)));
static u8 borrowed[4096] __attribute__((aligned(64)));
static bool is_borrowed, no_memory, read_only;
static enum hv_status vp_status;
static u32 rescans;

enum hv_status hc_child_vp_stopped(struct hypercall *call, u64 id, u32 index, struct vp **out)
{
	assert_ptr_equal(call->vp, &caller);
	assert_int_equal(id, 5);
	assert_int_equal(index, 1);
	*out = &vp;
	return vp_status;
}

void *partition_page_alloc(struct partition *p)
{
	assert_ptr_equal(p, &child);
	assert_false(is_borrowed);
	if (no_memory)
		return NULL;
	is_borrowed = true;
	memset(borrowed, 0, sizeof(borrowed));
	return borrowed;
}

void partition_page_free(struct partition *p, void *page)
{
	assert_ptr_equal(p, &child);
	assert_ptr_equal(page, borrowed);
	assert_true(is_borrowed);
	is_borrowed = false;
}

static u8 *at(gpa_t gpa, size_t len)
{
	u64 page = (gpa.a >> 12) - GPFN;

	assert_int_equal(len, 4096);
	assert_int_equal(gpa.a & 0xfff, 0);
	return page < PAGES ? memory[page] : NULL;
}

bool guest_read(struct vp *v, gpa_t gpa, void *buf, size_t len)
{
	const u8 *p = at(gpa, len);

	assert_ptr_equal(v, &caller);
	if (p)
		memcpy(buf, p, len);
	return p;
}

bool guest_write(struct vp *v, gpa_t gpa, const void *buf, size_t len)
{
	u8 *p = read_only ? NULL : at(gpa, len);

	assert_ptr_equal(v, &caller);
	if (p)
		memcpy(p, buf, len);
	return p;
}

static enum hv_status apic_status, timers_status;
static struct hv_local_apic_state apic;
static struct hv_stimers_state timers;

void vlapic_state_get(struct vp *v, struct hv_local_apic_state *s)
{
	assert_ptr_equal(v, &vp);
	*s = apic;
}

enum hv_status vlapic_state_set(struct vp *v, const struct hv_local_apic_state *s)
{
	assert_ptr_equal(v, &vp);
	/* The caller may write its page meanwhile. */
	assert_ptr_equal(s, borrowed);
	if (apic_status == HV_STATUS_SUCCESS)
		apic = *s;
	return apic_status;
}

void stimer_state_get(struct vp *v, struct hv_stimers_state *s)
{
	assert_ptr_equal(v, &vp);
	*s = timers;
}

enum hv_status stimer_state_set(struct vp *v, const struct hv_stimers_state *s)
{
	assert_ptr_equal(v, &vp);
	if (timers_status == HV_STATUS_SUCCESS)
		timers = *s;
	return timers_status;
}

void synic_rescan(struct vp *v, u32 sints)
{
	assert_ptr_equal(v, &vp);
	assert_int_equal(sints, 0xffff);
	rescans++;
}

static struct hv_vp_state_input in;
static struct hypercall call;

static void make(u32 type, const void *rest, u32 size)
{
	in.type = type;
	memcpy(call.input_block, &in, sizeof(in));
	memcpy((u8 *)call.input_block + sizeof(in), rest, size);
	memset(call.output_block, 0, sizeof(call.output_block));
	call.vp = &caller;
	call.input = call.input_block;
	call.output = call.output_block;
	call.input_size = (u32)sizeof(in) + size;
}

static enum hv_status done(enum hv_status status)
{
	assert_false(is_borrowed);
	return status;
}

static enum hv_status get(u32 type, u32 pages)
{
	const u64 gpfns[] = { GPFN, GPFN + 1, GPFN + 2, GPFN + 3 };

	make(type, gpfns, pages * 8);
	return done(hc_get_vp_state(&call));
}

static enum hv_status set(u32 type, u32 pages)
{
	const u64 gpfns[] = { GPFN, GPFN + 1, GPFN + 2, GPFN + 3 };

	make(type, gpfns, pages * 8);
	return done(hc_set_vp_state(&call));
}

static u64 *word(void *p, u32 offset)
{
	return (u64 *)(void *)((u8 *)p + offset);
}

static int setup(void **state)
{
	(void)state;
	memset(&vp, 0, sizeof(vp));
	memset(&child, 0, sizeof(child));
	memset(area, 0, sizeof(area));
	memset(memory, 0xee, sizeof(memory));
	memset(&slots, 0, sizeof(slots));
	memset(&flags, 0, sizeof(flags));
	caller.partition = &root;
	child.cpuid.basic[1].ecx = 1u << 26;
	/* As processors with AVX-512 have them, and one that wants 64 bytes. */
	child.cpuid.xsave[2] = (struct cpuid_regs){ .eax = 256, .ebx = 576 };
	child.cpuid.xsave[5] = (struct cpuid_regs){ .eax = 8, .ebx = 1088 };
	child.cpuid.xsave[6] = (struct cpuid_regs){ .eax = 512, .ebx = 1152, .ecx = 2 };
	child.xsave_states = ALL;
	cpu.features.xsave = true;
	cpu.features.mxcsr_mask = 0xffff;
	vp.partition = &child;
	vp.cpu = &cpu;
	vp.fpu = area;
	vp.synic.page = &slots;
	vp.synic.flags = &flags;
	for (u32 i = 0; i < HV_SINT_COUNT; i++)
		list_init(&vp.synic.waiting[i]);
	in = (struct hv_vp_state_input){ .partition_id = 5, .vp_index = 1, .xsave_states = ALL };
	is_borrowed = no_memory = read_only = false;
	vp_status = apic_status = timers_status = HV_STATUS_SUCCESS;
	rescans = 0;
	return 0;
}

static void layout(void **state)
{
	static const struct field fields[] = {
		WHOLE(hv_vp_state_input, 40),
		FIELD(hv_vp_state_input, vp_index, 8, 4),
		FIELD(hv_vp_state_input, target_vtl, 12, 1),
		FIELD(hv_vp_state_input, type, 16, 4),
		FIELD(hv_vp_state_input, xsave_flags, 24, 8),
		FIELD(hv_vp_state_input, xsave_states, 32, 8),
		WHOLE(hv_xsave_header, 64),
		FIELD(hv_xsave_header, format, 8, 8),
	};
	static const struct number numbers[] = {
		IS(HV_VP_STATE_TIMERS, 4),
		IS((u32)HV_VP_STATE_LOCAL_APIC, 0x80000000),
		IS((u32)HV_VP_STATE_XSAVE, 0x80000001),
		IS((u32)HV_VP_STATE_MESSAGE_PAGE, 0x80000002),
		IS((u32)HV_VP_STATE_EVENT_FLAGS_PAGE, 0x80000003),
		IS(HV_XSAVE_COMPACTED, 1ull << 63),
	};

	(void)state;
	check_fields(fields, ARRAY_SIZE(fields));
	check_numbers(numbers, ARRAY_SIZE(numbers));
}

static void refused(u32 type, u32 pages, enum hv_status want)
{
	assert_int_equal(get(type, pages), want);
	assert_int_equal(set(type, pages), want);
}

static void inputs(void **state)
{
	const u64 far[] = { 1ull << 52 };

	(void)state;
	refused(3, 0, HV_STATUS_INVALID_PARAMETER);
	refused(0x80000004, 1, HV_STATUS_INVALID_PARAMETER);
	for (u32 type = 0x80000000; type < 0x80000004; type++) {
		refused(type, 0, HV_STATUS_INVALID_PARAMETER);
		refused(type, 2, HV_STATUS_INVALID_PARAMETER);
	}
	in.target_vtl = 1;
	refused(0x80000000, 1, HV_STATUS_INVALID_PARAMETER);
	in.target_vtl = 0;
	for (u32 i = 0; i < 3; i++) {
		in.reserved[i] = 1;
		refused(0x80000000, 1, HV_STATUS_INVALID_PARAMETER);
		in.reserved[i] = 0;
	}
	in.reserved_2 = 1;
	refused(0x80000000, 1, HV_STATUS_INVALID_PARAMETER);
	in.reserved_2 = 0;
	in.xsave_flags = 1;
	refused(0x80000000, 1, HV_STATUS_INVALID_PARAMETER);
	in.xsave_flags = 0;
	make(0x80000000, far, sizeof(far));
	assert_int_equal(done(hc_get_vp_state(&call)), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(done(hc_set_vp_state(&call)), HV_STATUS_INVALID_PARAMETER);
	no_memory = true;
	refused(0x80000000, 1, HV_STATUS_INSUFFICIENT_MEMORY);
	vp_status = HV_STATUS_INVALID_VP_STATE;
	refused(0x80000000, 1, HV_STATUS_INVALID_VP_STATE);
}

static void apic_block(void **state)
{
	(void)state;
	apic = (struct hv_local_apic_state){ .svr = 0x1ff, .remote_read = 0x12345678 };
	assert_int_equal(get(0x80000000, 1), HV_STATUS_SUCCESS);
	assert_memory_equal(memory[0], &apic, 176);
	assert_int_equal(memory[0][176], 0);
	assert_int_equal(memory[0][4095], 0);
	memset(memory[0], 0x11, 176);
	apic_status = HV_STATUS_INVALID_REGISTER_VALUE;
	assert_int_equal(set(0x80000000, 1), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(apic.svr, 0x1ff);
	apic_status = HV_STATUS_SUCCESS;
	assert_int_equal(set(0x80000000, 1), HV_STATUS_SUCCESS);
	assert_int_equal(apic.svr, 0x11111111);
	read_only = true;
	assert_int_equal(get(0x80000000, 1), HV_STATUS_INVALID_PARAMETER);
}

static void timers_block(void **state)
{
	struct hv_stimers_state block;

	(void)state;
	memset(&timers, 0x77, sizeof(timers));
	make(4, "", 0);
	assert_int_equal(done(hc_get_vp_state(&call)), HV_STATUS_SUCCESS);
	assert_memory_equal(call.output_block, &timers, 200);
	memset(&block, 0x55, sizeof(block));
	make(4, &block, 192);
	assert_int_equal(done(hc_set_vp_state(&call)), HV_STATUS_INVALID_PARAMETER);
	make(4, &block, 200);
	timers_status = HV_STATUS_INVALID_PARAMETER;
	assert_int_equal(done(hc_set_vp_state(&call)), HV_STATUS_INVALID_PARAMETER);
	timers_status = HV_STATUS_SUCCESS;
	assert_int_equal(done(hc_set_vp_state(&call)), HV_STATUS_SUCCESS);
	assert_memory_equal(&timers, &block, 200);
	make(4, &block, 8);
	assert_int_equal(done(hc_get_vp_state(&call)), HV_STATUS_INVALID_PARAMETER);
}

static void synic_pages(void **state)
{
	(void)state;
	slots.slot[15].header.type = 0x1234;
	flags.word[3][5] = 0x8000000000000001;
	assert_int_equal(get(0x80000002, 1), HV_STATUS_SUCCESS);
	assert_memory_equal(memory[0], &slots, 4096);
	assert_int_equal(get(0x80000003, 1), HV_STATUS_SUCCESS);
	assert_memory_equal(memory[0], &flags, 4096);
	memset(memory[0], 0x21, 4096);
	assert_int_equal(set(0x80000003, 1), HV_STATUS_SUCCESS);
	assert_memory_equal(memory[0], &flags, 4096);
	assert_int_equal(rescans, 0);
	memset(memory[0], 0x22, 4096);
	assert_int_equal(set(0x80000002, 1), HV_STATUS_SUCCESS);
	assert_memory_equal(memory[0], &slots, 4096);
	assert_int_equal(rescans, 1);
	assert_int_equal(vp.synic.lock.next, vp.synic.lock.owner);
}

static void fill_area(void)
{
	memset(area, 0, sizeof(area));
	*word(area, 24) = 0x1f80;
	*word(area, 32) = 0x3333;                                 /* ST0 */
	*word(area, 160) = 0x4444;                                /* XMM0 */
	*word(area, 512) = ALL;                                   /* present */
	*word(area, 576) = 0x5555, *word(area, 576 + 248) = 0x55; /* AVX */
	*word(area, 1088) = 0x6666;                               /* masks */
	*word(area, 1152) = 0x7777, *word(area, 1152 + 504) = 0x77;
}

static void fpu_block(void **state)
{
	u8 before[4096];

	(void)state;
	fill_area();
	memcpy(before, area, sizeof(before));
	assert_int_equal(get(0x80000001, 1), HV_STATUS_SUCCESS);
	assert_memory_equal(memory[0], area, 512);
	assert_int_equal(*word(memory[0], 512), ALL);
	assert_int_equal(*word(memory[0], XCOMP_BV), 1ull << 63 | ALL);
	assert_memory_equal(memory[0] + AVX_PLACE, area + 576, 256);
	assert_int_equal(*word(memory[0], 832), 0x6666);
	/* At 840, were it not for its 64 bytes. */
	assert_memory_equal(memory[0] + 896, area + 1152, 512);
	assert_int_equal(*word(memory[0], 1408), 0);
	memset(area, 0xcc, sizeof(area));
	assert_int_equal(set(0x80000001, 1), HV_STATUS_SUCCESS);
	assert_memory_equal(area, before, sizeof(area));
}

/* Those that are left out are in their initial state, and hold nothing of before. */
static void fpu_parts(void **state)
{
	(void)state;
	fill_area();
	*word(area, 512) = X87 | ZMM;
	assert_int_equal(get(0x80000001, 1), HV_STATUS_SUCCESS);
	assert_int_equal(*word(memory[0], 512), X87 | ZMM);
	assert_int_equal(*word(memory[0], AVX_PLACE), 0);
	assert_int_equal(*word(memory[0], 896), 0x7777);
	in.xsave_states = X87 | SSE | ZMM;
	assert_int_equal(get(0x80000001, 1), HV_STATUS_SUCCESS);
	assert_int_equal(*word(memory[0], XCOMP_BV), 1ull << 63 | X87 | SSE | ZMM);
	assert_int_equal(*word(memory[0], AVX_PLACE), 0x7777);
	memset(area, 0xcc, sizeof(area));
	assert_int_equal(set(0x80000001, 1), HV_STATUS_SUCCESS);
	assert_int_equal(*word(area, 512), X87 | ZMM);
	assert_int_equal(*word(area, 576), 0);
	assert_int_equal(*word(area, 1152), 0x7777);
}

static void fpu_refused(void **state)
{
	static const struct {
		u32 offset;
		u64 change;
	} rows[] = {
		{ 24, 0x10000 },          /* MXCSR */
		{ 512, 8 },               /* a component that has no place */
		{ XCOMP_BV, 1ull << 63 }, /* standard form */
		{ XCOMP_BV, AVX },        /* not the places that the call names */
		{ 528, 1 },
		{ 568, 1ull << 63 },
	};
	static const u64 states[] = { 0, X87, SSE | AVX, ALL | 8, ALL | 1ull << 63 };
	u8 before[4096];

	(void)state;
	fill_area();
	assert_int_equal(get(0x80000001, 1), HV_STATUS_SUCCESS);
	memcpy(before, area, sizeof(before));
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		*word(memory[0], rows[i].offset) ^= rows[i].change;
		assert_int_equal(set(0x80000001, 1), HV_STATUS_INVALID_PARAMETER);
		*word(memory[0], rows[i].offset) ^= rows[i].change;
	}
	for (u32 i = 0; i < ARRAY_SIZE(states); i++) {
		in.xsave_states = states[i];
		refused(0x80000001, 1, HV_STATUS_INVALID_PARAMETER);
	}
	assert_memory_equal(area, before, sizeof(area));
}

/* A processor without XSAVE has an FXSAVE area. */
static void fpu_old(void **state)
{
	u8 before[512];

	(void)state;
	cpu.features.xsave = false;
	child.xsave_states = 0;
	in.xsave_states = X87 | SSE;
	memset(area, 0x3c, 512);
	*word(area, 24) = 0x1f80;
	memcpy(before, area, sizeof(before));
	memset(area + 512, 0, 64);
	assert_int_equal(get(0x80000001, 1), HV_STATUS_SUCCESS);
	assert_int_equal(*word(memory[0], 512), X87 | SSE);
	memset(area, 0, 512);
	assert_int_equal(set(0x80000001, 1), HV_STATUS_SUCCESS);
	assert_memory_equal(area, before, 512);
	assert_int_equal(*word(area, 512), 0);
}

static struct synic_message messages[20];

static void wait_for(u32 sint, u32 n, u32 type)
{
	messages[n].message.header = (struct hv_message_header){ .type = type, .size = 8 };
	messages[n].message.payload[0] = n;
	list_push_back(&vp.synic.waiting[sint], &messages[n].link);
}

static void waiting(void **state)
{
	struct hv_message *page = (void *)memory[0], *second = (void *)memory[1];

	(void)state;
	assert_int_equal(get(0x8000ff00, 1), HV_STATUS_SUCCESS);
	assert_int_equal(page[0].header.type, 0);
	for (u32 i = 0; i < 10; i++)
		wait_for(7, i, 0x100 + i);
	/* A timer's is not a port's. */
	wait_for(2, 10, 0x80000010);
	for (u32 i = 11; i < 18; i++)
		wait_for(2, i, 0x7fffffff);
	assert_int_equal(get(0x8000ff00, 1), HV_STATUS_INSUFFICIENT_BUFFERS);
	assert_int_equal(get(0x8000ff00, 2), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < 7; i++)
		assert_int_equal(page[i].payload[0], 11 + i);
	for (u32 i = 0; i < 9; i++)
		assert_int_equal(page[7 + i].payload[0], i);
	assert_int_equal(second[0].payload[0], 9);
	assert_int_equal(second[0].header.type, 0x109);
	assert_int_equal(second[1].header.type, 0);
	assert_int_equal(set(0x8000ff00, 1), HV_STATUS_OPERATION_DENIED);
	assert_int_equal(get(0x8000ff00, 4), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(vp.synic.lock.next, vp.synic.lock.owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),
		cmocka_unit_test_setup(inputs, setup),
		cmocka_unit_test_setup(apic_block, setup),
		cmocka_unit_test_setup(timers_block, setup),
		cmocka_unit_test_setup(synic_pages, setup),
		cmocka_unit_test_setup(fpu_block, setup),
		cmocka_unit_test_setup(fpu_parts, setup),
		cmocka_unit_test_setup(fpu_refused, setup),
		cmocka_unit_test_setup(fpu_old, setup),
		cmocka_unit_test_setup(waiting, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
