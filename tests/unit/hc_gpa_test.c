/* SPDX-License-Identifier: MIT */
/*
 * TranslateVirtualAddress, ReadGpa and WriteGpa: what the walk and the
 * second-level tables say, as results; flags and sizes that are refused. The
 * walk itself is guest_test.c's.
 * sources: hypervisor/hc_gpa.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/memory.h"
#include "hypervisor/guest_walk.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define CHILD 5u
#define AT    0x00007f0012345000ull
#define PAGE  0x00444000ull

static struct partition child;
static struct vp caller, child_vp;
static struct hypercall call;
static bool running;

enum hv_status hc_child_vp(struct hypercall *c, u64 id, u32 index, struct vp **vp)
{
	assert_ptr_equal(c, &call);
	if (id != CHILD)
		return HV_STATUS_ACCESS_DENIED;
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

/* The VP: kernel code in long mode with all protections, by default. */
static struct vp_mode mode;

static void get_mode(struct vp *vp, struct vp_mode *m)
{
	assert_ptr_equal(vp, &child_vp);
	*m = mode;
}

static const struct virt_ops ops = { .mode = get_mode };
const struct virt_ops *virt = &ops;

/* The walk. */
static struct vp_mode walked;
static u32 walk_access, walks, marks;
static bool walk_ok, mark_write;
static struct guest_fault walk_fault;
static enum guest_mark mark_result;

bool guest_walk(struct vp *vp, const struct vp_mode *m, gva_t gva, u32 access, struct guest_walk *w,
	struct guest_fault *fault)
{
	assert_ptr_equal(vp, &child_vp);
	assert_int_equal(gva.a & ~0xffffull, mode.efer & EFER_LMA ? AT & ~0xffffull : 0x12340000);
	walked = *m;
	walk_access = access;
	walks++;
	w->gpa = PAGE;
	*fault = walk_fault;
	return walk_ok;
}

enum guest_mark guest_walk_mark(
	struct vp *vp, const struct vp_mode *m, gva_t gva, struct guest_walk *w, bool write)
{
	assert_ptr_equal(vp, &child_vp);
	assert_int_equal(m->cr0, walked.cr0);
	assert_int_equal(w->gpa, PAGE);
	(void)gva;
	marks++;
	mark_write = write;
	return mark_result;
}

/* The second level: one page. */
static u32 rights; /* 0: nothing is mapped */
static bool overlaid;
static u8 memory[4096];

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	assert_ptr_equal(slat, &child.slat);
	assert_int_equal(gpa.a & ~0xfffull, PAGE);
	*out = (struct slat_mapping){ .access = rights, .type = MEMTYPE_WB };
	return rights;
}

struct overlay *overlay_find(const struct partition *p, gpa_t gpa)
{
	static struct overlay o;

	assert_ptr_equal(p, &child);
	assert_int_equal(p->lock.next, p->lock.owner + 1); /* held */
	(void)gpa;
	return overlaid ? &o : NULL;
}

bool guest_read(struct vp *vp, gpa_t gpa, void *buf, size_t len)
{
	assert_ptr_equal(vp, &child_vp);
	memcpy(buf, memory + (gpa.a & 0xfff), len);
	return true;
}

bool guest_write(struct vp *vp, gpa_t gpa, const void *buf, size_t len)
{
	assert_ptr_equal(vp, &child_vp);
	memcpy(memory + (gpa.a & 0xfff), buf, len);
	return true;
}

static struct hv_translate_input in;
static struct hv_translate_output out;

static int setup(void **state)
{
	(void)state;
	memset(&call, 0, sizeof(call));
	memset(&out, 0, sizeof(out));
	memset(memory, 0, sizeof(memory));
	memset(&child_vp, 0, sizeof(child_vp));
	child_vp.partition = &child;
	call.vp = &caller;
	call.input = &in;
	call.output = &out;
	in = (struct hv_translate_input){
		.partition_id = CHILD, .vp_index = 1, .gva_page = AT >> 12
	};
	mode = (struct vp_mode){
		.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_SMAP | CR4_SMEP, .efer = EFER_LMA, .cpl = 3
	};
	running = overlaid = false;
	walk_ok = true;
	walks = marks = 0;
	mark_result = GUEST_MARKED;
	rights = SLAT_ALL;
	return 0;
}

static enum hv_translate_result translate(u64 flags)
{
	in.flags = flags;
	assert_int_equal(hc_translate_virtual_address(&call), HV_STATUS_SUCCESS);
	return out.result;
}

static void test_translate(void **state)
{
	(void)state;
	assert_int_equal(translate(HV_TRANSLATE_READ), HV_TRANSLATE_SUCCESS);
	assert_int_equal(out.gpfn, PAGE >> 12);
	assert_int_equal(out.cache_type, 6);
	assert_int_equal(out.overlay, 0);
	assert_int_equal(walk_access, ACCESS_READ);
	assert_int_equal(walked.cpl, 3);
	assert_int_equal(walked.cr4, CR4_SMAP | CR4_SMEP);
	overlaid = true;
	assert_int_equal(translate(HV_TRANSLATE_WRITE | HV_TRANSLATE_EXEC), HV_TRANSLATE_SUCCESS);
	assert_int_equal(out.overlay, 1);
	assert_int_equal(walk_access, ACCESS_WRITE | ACCESS_EXEC);
	assert_int_equal(marks, 0);
}

static void test_privilege(void **state)
{
	(void)state;
	assert_int_equal(translate(HV_TRANSLATE_PRIVILEGE_EXEMPT), HV_TRANSLATE_SUCCESS);
	assert_int_equal(walked.cpl, 0);
	assert_int_equal(walked.cr4, 0);
	assert_int_equal(walk_access, 0);
	child_vp.regs.rflags = RFLAGS_AC;
	assert_int_equal(translate(0), HV_TRANSLATE_SUCCESS);
	assert_int_equal(walked.cpl, 3);
	assert_int_equal(walked.cr4, CR4_SMEP);
}

static void test_faults(void **state)
{
	static const struct {
		struct guest_fault fault;
		u32 result;
	} rows[] = {
		{ { VEC_PF, 0, 0 }, HV_TRANSLATE_NOT_PRESENT },
		{ { VEC_PF, PF_W | PF_U, 0 }, HV_TRANSLATE_NOT_PRESENT },
		{ { VEC_PF, PF_P, 0 }, HV_TRANSLATE_PRIVILEGE },
		{ { VEC_PF, PF_P | PF_RSVD, 0 }, HV_TRANSLATE_INVALID_FLAGS },
		{ { VEC_GP, 0, 0 }, HV_TRANSLATE_INVALID_FLAGS }, /* a table that is no RAM */
	};

	(void)state;
	walk_ok = false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		walk_fault = rows[i].fault;
		assert_int_equal(translate(HV_TRANSLATE_READ), rows[i].result);
		assert_int_equal(out.gpfn, 0);
	}
}

static void test_second_level(void **state)
{
	(void)state;
	rights = 0;
	assert_int_equal(translate(HV_TRANSLATE_READ), HV_TRANSLATE_GPA_UNMAPPED);
	assert_int_equal(out.gpfn, PAGE >> 12);
	rights = SLAT_READ;
	assert_int_equal(translate(HV_TRANSLATE_READ), HV_TRANSLATE_SUCCESS);
	assert_int_equal(translate(HV_TRANSLATE_WRITE), HV_TRANSLATE_GPA_NO_WRITE);
	assert_int_equal(translate(HV_TRANSLATE_EXEC), HV_TRANSLATE_GPA_NO_READ);
	rights = SLAT_EXEC;
	assert_int_equal(translate(HV_TRANSLATE_READ), HV_TRANSLATE_GPA_NO_READ);
	assert_int_equal(
		translate(HV_TRANSLATE_SET_BITS | HV_TRANSLATE_READ), HV_TRANSLATE_GPA_NO_READ);
	assert_int_equal(marks, 0);
}

static void test_set_bits(void **state)
{
	(void)state;
	assert_int_equal(
		translate(HV_TRANSLATE_SET_BITS | HV_TRANSLATE_READ), HV_TRANSLATE_SUCCESS);
	assert_int_equal(marks, 1);
	assert_false(mark_write);
	assert_int_equal(
		translate(HV_TRANSLATE_SET_BITS | HV_TRANSLATE_WRITE), HV_TRANSLATE_SUCCESS);
	assert_true(mark_write);
	mark_result = GUEST_MARK_READ_ONLY;
	assert_int_equal(
		translate(HV_TRANSLATE_SET_BITS | HV_TRANSLATE_READ), HV_TRANSLATE_GPA_NO_WRITE);
	/* Tables that change all the time: it ends. */
	mark_result = GUEST_MARK_CHANGED;
	walks = 0;
	assert_int_equal(
		translate(HV_TRANSLATE_SET_BITS | HV_TRANSLATE_READ), HV_TRANSLATE_NOT_PRESENT);
	assert_in_range(walks, 2, 100);
}

static void test_addresses(void **state)
{
	(void)state;
	in.gva_page = 0x800000000; /* not canonical */
	assert_int_equal(translate(0), HV_TRANSLATE_NOT_PRESENT);
	mode.efer = 0;
	in.gva_page = 0x100000; /* beyond 4 GiB */
	assert_int_equal(translate(0), HV_TRANSLATE_NOT_PRESENT);
	assert_int_equal(walks, 0);
	in.gva_page = 0x12345;
	assert_int_equal(translate(0), HV_TRANSLATE_SUCCESS);
}

static void test_translate_refused(void **state)
{
	(void)state;
	for (u32 bit = 5; bit < 64; bit++) {
		in.flags = 1ull << bit;
		assert_int_equal(hc_translate_virtual_address(&call), HV_STATUS_INVALID_PARAMETER);
	}
	in.flags = 0;
	in.reserved = 1;
	assert_int_equal(hc_translate_virtual_address(&call), HV_STATUS_INVALID_PARAMETER);
	in.reserved = 0;
	in.gva_page = 1ull << 52;
	assert_int_equal(hc_translate_virtual_address(&call), HV_STATUS_INVALID_PARAMETER);
	in.gva_page = 0;
	running = true;
	assert_int_equal(hc_translate_virtual_address(&call), HV_STATUS_INVALID_VP_STATE);
	in.partition_id = 1;
	assert_int_equal(hc_translate_virtual_address(&call), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(walks, 0);
}

static struct hv_read_gpa_input read_in;
static struct hv_read_gpa_output read_out;
static struct hv_write_gpa_input write_in;
static u64 write_out;

static u64 read_gpa(u64 gpa, u32 count)
{
	read_in = (struct hv_read_gpa_input){ CHILD, 1, count, gpa, 0 };
	call.input = &read_in;
	call.output = &read_out;
	memset(&read_out, 0, sizeof(read_out));
	assert_int_equal(hc_read_gpa(&call), HV_STATUS_SUCCESS);
	return read_out.result;
}

static u64 write_gpa(u64 gpa, u32 count)
{
	write_in = (struct hv_write_gpa_input){ CHILD, 1, count, gpa, 0, { 0 } };
	memset(write_in.data, 0x5a, sizeof(write_in.data));
	call.input = &write_in;
	call.output = &write_out;
	assert_int_equal(hc_write_gpa(&call), HV_STATUS_SUCCESS);
	return write_out;
}

/* A running VP is good enough to name the space. */
static void test_bytes(void **state)
{
	(void)state;
	running = true;
	memory[0xff0] = 1;
	memory[0xfff] = 2;
	assert_int_equal(read_gpa(PAGE + 0xff0, 16), HV_GPA_SUCCESS);
	assert_int_equal(read_out.data[0], 1);
	assert_int_equal(read_out.data[15], 2);
	assert_int_equal(read_gpa(PAGE + 0xff0, 1), HV_GPA_SUCCESS);
	assert_int_equal(read_out.data[0], 1);
	assert_int_equal(read_out.data[1], 0);
	assert_int_equal(write_gpa(PAGE + 8, 3), HV_GPA_SUCCESS);
	assert_int_equal(memory[8], 0x5a);
	assert_int_equal(memory[10], 0x5a);
	assert_int_equal(memory[11], 0);
}

static void test_bytes_rights(void **state)
{
	(void)state;
	rights = 0;
	assert_int_equal(read_gpa(PAGE, 1), HV_GPA_UNMAPPED);
	assert_int_equal(write_gpa(PAGE, 1), HV_GPA_UNMAPPED);
	rights = SLAT_READ | SLAT_EXEC;
	assert_int_equal(read_gpa(PAGE, 1), HV_GPA_SUCCESS);
	assert_int_equal(write_gpa(PAGE, 1), HV_GPA_NO_WRITE);
	overlaid = true;
	assert_int_equal(read_gpa(PAGE, 1), HV_GPA_SUCCESS);
	assert_int_equal(write_gpa(PAGE, 1), HV_GPA_ILLEGAL_OVERLAY);
	rights = SLAT_EXEC;
	assert_int_equal(read_gpa(PAGE, 1), HV_GPA_NO_READ);
	assert_int_equal(memory[0], 0);
	/* An overlay that may be written is written. */
	rights = SLAT_READ | SLAT_WRITE;
	assert_int_equal(write_gpa(PAGE, 1), HV_GPA_SUCCESS);
	assert_int_equal(memory[0], 0x5a);
}

static void test_bytes_refused(void **state)
{
	static const struct {
		u64 gpa;
		u32 count;
		u64 flags;
	} rows[] = {
		{ PAGE, 0, 0 },
		{ PAGE, 17, 0 },
		{ PAGE + 0xff1, 16, 0 },
		{ PAGE + 0xfff, 2, 0 },
		{ PAGE, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_in = (struct hv_read_gpa_input){ CHILD, 1, rows[i].count, rows[i].gpa,
			rows[i].flags };
		write_in = (struct hv_write_gpa_input){ CHILD, 1, rows[i].count, rows[i].gpa,
			rows[i].flags, { 1 } };
		call.input = &read_in;
		assert_int_equal(hc_read_gpa(&call), HV_STATUS_INVALID_PARAMETER);
		call.input = &write_in;
		assert_int_equal(hc_write_gpa(&call), HV_STATUS_INVALID_PARAMETER);
	}
	read_in = (struct hv_read_gpa_input){ CHILD, 2, 1, PAGE, 0 };
	call.input = &read_in;
	assert_int_equal(hc_read_gpa(&call), HV_STATUS_INVALID_VP_INDEX);
	assert_int_equal(memory[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_translate, setup),
		cmocka_unit_test_setup(test_privilege, setup),
		cmocka_unit_test_setup(test_faults, setup),
		cmocka_unit_test_setup(test_second_level, setup),
		cmocka_unit_test_setup(test_set_bits, setup),
		cmocka_unit_test_setup(test_addresses, setup),
		cmocka_unit_test_setup(test_translate_refused, setup),
		cmocka_unit_test_setup(test_bytes, setup),
		cmocka_unit_test_setup(test_bytes_rights, setup),
		cmocka_unit_test_setup(test_bytes_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
