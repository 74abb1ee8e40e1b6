/* SPDX-License-Identifier: MIT */
/*
 * HvCallStartVirtualProcessor with every argument that is wrong, each refused
 * by its status and without a trace: the VP can be started at last, and once.
 * Also the numbers of VPs by their APIC ids.
 * machines: svm-smp1-bios svm-smp2-bios svm-parallel2-bios vmx-smp2
 */
#include "hv/hypercall.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define MAX_VPS 8u

static u32 count;

static u32 id_of(u32 vp)
{
	return guest_bootinfo->apic_ids[vp];
}

static void test_indices(void)
{
	/* As struct hv_vp_index_from_apic_id_input, with its list. */
	struct {
		u64 partition_id;
		u64 target_vtl;
		u32 ids[MAX_VPS + 1];
	} q = { .partition_id = HV_PARTITION_SELF };
	u32 out[MAX_VPS + 1] = { 0 };
	u64 result, control;
	bool ok = true;

	for (u32 i = 0; i < count; i++)
		q.ids[i] = id_of(i);
	q.ids[count] = 0xfe;
	control = HV_CALL_GET_VP_INDEX_FROM_APIC_ID | (u64)count << 32;
	result = guest_hypercall_block(control, &q, sizeof(q), out, sizeof(out));
	for (u32 i = 0; i < count; i++)
		ok = ok && out[i] == i;
	guest_check(ok && result == (u64)count << 32, "index-from-apic-id", "%lx", result);
	result = guest_hypercall_block(control + BIT(32), &q, sizeof(q), out, sizeof(out));
	guest_check(result == ((u64)count << 32 | HV_STATUS_NOT_FOUND), "index-of-unknown", "%lx",
		result);
}

/* Registers of a context that no VP may start with, one at a time. */
static const struct {
	const char *name;
	u16 offset;
	u64 flip;
} bad[] = {
#define FIELD(field) offsetof(struct hv_initial_vp_context, field)
#define ATTRIBUTES   8 /* limit, selector and attributes are one word */
	{ "rflags-fixed-bit", FIELD(rflags), BIT(1) }, { "rflags-reserved", FIELD(rflags), BIT(3) },
	{ "rflags-virtual-8086", FIELD(rflags), BIT(17) },
	{ "rip-not-canonical", FIELD(rip), BIT(63) },
	{ "cs-not-present", FIELD(cs) + ATTRIBUTES, BIT(48 + 7) },
	{ "cs-is-system", FIELD(cs) + ATTRIBUTES, BIT(48 + 4) },
	{ "cs-long-and-32", FIELD(cs) + ATTRIBUTES, BIT(48 + 14) },
	{ "cs-dpl-3", FIELD(cs) + ATTRIBUTES, 3ull << (48 + 5) },
	{ "cs-reserved", FIELD(cs) + ATTRIBUTES, BIT(48 + 8) },
	{ "cs-selector-rpl", FIELD(cs) + ATTRIBUTES, 3ull << 32 },
	{ "ss-not-writable", FIELD(ss) + ATTRIBUTES, BIT(48 + 1) },
	{ "ss-dpl-3", FIELD(ss) + ATTRIBUTES, 3ull << (48 + 5) },
	{ "ds-base-wide", FIELD(ds), BIT(40) },
	{ "ds-limit-granularity", FIELD(ds) + ATTRIBUTES, 1 },
	{ "es-reserved", FIELD(es) + ATTRIBUTES, BIT(48 + 9) },
	{ "fs-base-not-canonical", FIELD(fs), BIT(63) },
	{ "gs-base-not-canonical", FIELD(gs), BIT(47) },
	{ "tr-not-busy", FIELD(tr) + ATTRIBUTES, BIT(48 + 1) },
	{ "tr-not-present", FIELD(tr) + ATTRIBUTES, BIT(48 + 7) },
	{ "tr-local", FIELD(tr) + ATTRIBUTES, BIT(32 + 2) },
	{ "ldtr-type", FIELD(ldtr) + ATTRIBUTES, BIT(48) },
	{ "gdtr-not-canonical", FIELD(gdtr) + 8, BIT(63) },
	{ "idtr-not-canonical", FIELD(idtr) + 8, BIT(63) },
	{ "efer-reserved", FIELD(efer), BIT(2) }, { "efer-svme", FIELD(efer), BIT(12) },
	{ "efer-lma-without-lme", FIELD(efer), BIT(8) },
	{ "efer-lme-without-lma", FIELD(efer), BIT(10) }, { "cr0-high", FIELD(cr0), BIT(32) },
	{ "cr0-unknown", FIELD(cr0), BIT(7) }, { "cr0-pg-without-pe", FIELD(cr0), BIT(0) },
	{ "cr0-nw-without-cd", FIELD(cr0), BIT(29) }, { "cr3-beyond", FIELD(cr3), BIT(60) },
	{ "cr4-vmxe", FIELD(cr4), BIT(13) }, { "cr4-no-pae", FIELD(cr4), BIT(5) },
	{ "cr4-reserved", FIELD(cr4), BIT(40) }, { "pat-invalid", FIELD(pat), 5 }, /* 6 to 3 */
};

static void test_bad_contexts(void)
{
	u8 *stack = guest_pages(1);
	struct hv_start_vp_input in;

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		enum hv_status status;
		u64 v;

		guest_vp_context(1, (u64)(stack + PAGE_SIZE), &in);
		memcpy(&v, (u8 *)&in.context + bad[i].offset, sizeof(v));
		v ^= bad[i].flip;
		memcpy((u8 *)&in.context + bad[i].offset, &v, sizeof(v));
		status = guest_start_vp_by(&in);
		guest_check(status == HV_STATUS_INVALID_REGISTER_VALUE, bad[i].name, "status %x",
			status);
	}
}

static void test_bad_start(void)
{
	struct hv_start_vp_input in;
	u64 sp = stack_pointer();

	guest_vp_context(64, sp, &in);
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_VP_INDEX, "start-index-64");
	guest_vp_context(count, sp, &in);
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_VP_INDEX, "start-index-absent");
	guest_vp_context(0, sp, &in);
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_VP_STATE, "start-self");
	in.target_vtl = 1;
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_PARAMETER, "start-vtl");
	guest_vp_context(0, sp, &in);
	in.reserved[2] = 1;
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_PARAMETER, "start-reserved");
	in.partition_id = 2;
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_PARTITION_ID, "start-partition");
}

static bool up;

static void live(void *arg)
{
	(void)arg;
	/* Pairs with the load in test_good_start(). */
	store_release(&up, true);
}

static void test_good_start(void)
{
	struct hv_start_vp_input in;
	enum hv_status status = guest_start_vp(1, live, NULL);

	for (u32 i = 0; i < 10000 && !load_acquire(&up); i++)
		guest_delay_us(100);
	guest_check(status == HV_STATUS_SUCCESS && up, "start-at-last", "status %x", status);
	guest_vp_context(1, stack_pointer(), &in);
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_VP_STATE, "start-twice");
}

void guest_main(void)
{
	count = MIN(guest_bootinfo->processors, MAX_VPS);
	test_indices();
	test_bad_start();
	if (count == 1)
		return;
	test_bad_contexts();
	test_good_start();
}
