/* SPDX-License-Identifier: MIT */
/*
 * GetVpRegisters and SetVpRegisters, element by element: whose registers, which
 * of a running VP, what of the caller's own, and what is refused.
 * sources: hypervisor/hc_registers.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/vp.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/registers.h"
#include "hypervisor/vp.h"

#define LIVE_NAME  0u
#define NAME       0x00020000u
#define MSR_NAME   0x000a0002u
#define MSR_NUMBER 0x40000092u
#define CHILD      5u

static struct partition root, child;
static struct vp caller, child_vp;
static struct hypercall call;
static struct hv_vp_registers_input in;
static union hv_register_value out;
static bool running, msr_ok;
static u32 gets, sets, msr_reads, msr_writes;

bool hc_is_own_partition(const struct hypercall *c, u64 id)
{
	return id == HV_PARTITION_SELF || id == c->vp->partition->id;
}

enum hv_status hc_child_vp(struct hypercall *c, u64 id, u32 index, struct vp **vp)
{
	assert_ptr_equal(c, &call);
	if (id != CHILD)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (index != 1)
		return HV_STATUS_INVALID_VP_INDEX;
	*vp = &child_vp;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_child_vp_stopped(struct hypercall *c, u64 id, u32 index, struct vp **vp)
{
	enum hv_status status = hc_child_vp(c, id, index, vp);

	return status == HV_STATUS_SUCCESS && running ? HV_STATUS_INVALID_VP_STATE : status;
}

bool register_is_live(u32 name, bool write)
{
	(void)write;
	return name == LIVE_NAME;
}

u32 register_msr(u32 name)
{
	return name == MSR_NAME ? MSR_NUMBER : 0;
}

enum hv_status register_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	assert_ptr_equal(vp, &child_vp);
	gets++;
	*v = (union hv_register_value){ .wide = { name, 7 } };
	return name == 0x1234 ? HV_STATUS_UNKNOWN_REGISTER_NAME : HV_STATUS_SUCCESS;
}

enum hv_status register_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	assert_ptr_equal(vp, &child_vp);
	assert_ptr_equal(self, &caller);
	sets++;
	return v->wide[1] == name ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE;
}

bool policy_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	assert_ptr_equal(vp, &caller);
	assert_int_equal(msr, MSR_NUMBER);
	msr_reads++;
	*v = 0x10000;
	return msr_ok;
}

bool policy_msr_write(struct vp *vp, u32 msr, u64 v)
{
	assert_ptr_equal(vp, &caller);
	assert_int_equal(msr, MSR_NUMBER);
	assert_int_equal(v, 99);
	msr_writes++;
	return msr_ok;
}

static int setup(void **state)
{
	(void)state;
	memset(&call, 0, sizeof(call));
	memset(&out, 0, sizeof(out));
	root.id = 1;
	child.id = CHILD;
	caller.partition = &root;
	caller.index = 2;
	call.vp = &caller;
	call.input = &in;
	call.output = &out;
	in = (struct hv_vp_registers_input){ .partition_id = CHILD, .vp_index = 1 };
	running = false;
	msr_ok = true;
	gets = sets = msr_reads = msr_writes = 0;
	return 0;
}

static enum hv_status get(u32 name)
{
	call.element_in[0] = name | 0xffffffff00000000ull;
	return hc_get_vp_registers(&call);
}

static enum hv_status set(u32 name, u64 low, u64 high)
{
	struct hv_register_assoc e = { .name = name, .value = { .wide = { low, high } } };

	memcpy(call.element_in, &e, sizeof(e));
	return hc_set_vp_registers(&call);
}

static void test_child(void **state)
{
	(void)state;
	assert_int_equal(get(NAME), HV_STATUS_SUCCESS);
	assert_int_equal(out.wide[0], NAME);
	assert_int_equal(out.wide[1], 7);
	assert_int_equal(get(0x1234), HV_STATUS_UNKNOWN_REGISTER_NAME);
	assert_int_equal(set(NAME, 5, NAME), HV_STATUS_SUCCESS);
	assert_int_equal(set(NAME, 5, 6), HV_STATUS_INVALID_REGISTER_VALUE);
	in.vp_index = 3;
	assert_int_equal(get(NAME), HV_STATUS_INVALID_VP_INDEX);
	in.partition_id = 77;
	assert_int_equal(set(NAME, 5, NAME), HV_STATUS_INVALID_PARTITION_ID);
	assert_int_equal(gets, 2);
	assert_int_equal(sets, 2);
}

static void test_running(void **state)
{
	(void)state;
	running = true;
	assert_int_equal(get(LIVE_NAME), HV_STATUS_SUCCESS);
	assert_int_equal(set(LIVE_NAME, 1, LIVE_NAME), HV_STATUS_SUCCESS);
	assert_int_equal(get(NAME), HV_STATUS_INVALID_VP_STATE);
	assert_int_equal(set(NAME, 5, NAME), HV_STATUS_INVALID_VP_STATE);
	assert_int_equal(gets + sets, 2);
}

static void test_reserved(void **state)
{
	struct hv_register_assoc e = { .name = NAME };

	(void)state;
	in.target_vtl = 1;
	assert_int_equal(get(NAME), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(set(NAME, 5, NAME), HV_STATUS_INVALID_PARAMETER);
	in.target_vtl = 0;
	for (u32 i = 0; i < 3; i++) {
		in.reserved[i] = 1;
		assert_int_equal(get(NAME), HV_STATUS_INVALID_PARAMETER);
		in.reserved[i] = 0;
		e.reserved[i] = 1;
		memcpy(call.element_in, &e, sizeof(e));
		assert_int_equal(hc_set_vp_registers(&call), HV_STATUS_INVALID_PARAMETER);
		e.reserved[i] = 0;
	}
	assert_int_equal(gets + sets, 0);
}

/* What it has by MSR, by the rules of its MSRs. */
static void test_own(void **state)
{
	(void)state;
	in.partition_id = HV_PARTITION_SELF;
	in.vp_index = HV_VP_SELF;
	assert_int_equal(get(MSR_NAME), HV_STATUS_SUCCESS);
	assert_int_equal(out.u64, 0x10000);
	assert_int_equal(set(MSR_NAME, 99, 0), HV_STATUS_SUCCESS);
	in.partition_id = root.id;
	in.vp_index = 2;
	assert_int_equal(get(MSR_NAME), HV_STATUS_SUCCESS);
	assert_int_equal(get(NAME), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(set(NAME, 99, 0), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(get(LIVE_NAME), HV_STATUS_ACCESS_DENIED);
	msr_ok = false;
	assert_int_equal(get(MSR_NAME), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(set(MSR_NAME, 99, 0), HV_STATUS_INVALID_REGISTER_VALUE);
	in.vp_index = 1;
	assert_int_equal(get(MSR_NAME), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(msr_reads, 3);
	assert_int_equal(msr_writes, 2);
	assert_int_equal(gets + sets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_child, setup),
		cmocka_unit_test_setup(test_running, setup),
		cmocka_unit_test_setup(test_reserved, setup),
		cmocka_unit_test_setup(test_own, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
