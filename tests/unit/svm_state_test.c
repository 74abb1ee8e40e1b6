/* SPDX-License-Identifier: MIT */
/*
 * What an AMD-V back end shows of a child's VP to its parent: the header of
 * intercept messages bit by bit, and its part of the register page.
 * sources: hypervisor/svm/state.c hypervisor/svm/regs.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/message.h"
#include "hv/vp.h"
#include "hypervisor/cpu.h"
#include "hypervisor/svm/svm.h"
#include "hypervisor/vp.h"

static struct vmcb block;
static struct cpu cpu;
static struct vp vp;
#define s (*svm_of(&vp))

void svm_entry_doubt(struct vp *v)
{
	(void)v;
}

struct cpu *this_cpu(void)
{
	return &cpu;
}

static struct hv_intercept_header header;
static struct hv_register_page page;

void svm_nmi_mask(struct svm_vp *v, bool on)
{
	(void)v;
	(void)on;
	fail();
}

static int setup(void **state)
{
	(void)state;
	memset(&block, 0, sizeof(block));
	memset(&vp, 0, sizeof(vp));
	memset(&header, 0xee, sizeof(header));
	memset(&page, 0xee, sizeof(page));
	s.vmcb = &block;
	return 0;
}

static u16 execution(void)
{
	svm_intercept_header(&vp, &header);
	return header.execution;
}

static void test_execution(void **state)
{
	(void)state;
	assert_int_equal(execution(), 0);
	for (u8 cpl = 0; cpl < 4; cpl++) {
		block.save.cpl = cpl;
		assert_int_equal(execution(), cpl);
	}
	block.save.cpl = 0;
	block.save.cr0 = 0xfffffffffffbfffe; /* all but PE and AM */
	assert_int_equal(execution(), 0);
	block.save.cr0 = 1;
	assert_int_equal(execution(), 0x4);
	block.save.cr0 = 1 << 18;
	assert_int_equal(execution(), 0x8);
	block.save.cr0 = 0;
	block.save.efer = 0x1100; /* LME and SVME */
	assert_int_equal(execution(), 0);
	block.save.efer = 0x400;
	assert_int_equal(execution(), 0x10);
	block.save.efer = 0;
	block.save.dr7 = 0x400;
	assert_int_equal(execution(), 0);
	block.save.dr7 = 0x480;
	assert_int_equal(execution(), 0x20);
	block.save.dr7 = 0;
	block.control.interrupt_state = 2;
	assert_int_equal(execution(), 0);
	block.control.interrupt_state = 1;
	assert_int_equal(execution(), 0x1000);
}

static void is_segment(const struct hv_segment *segment, u64 n)
{
	assert_int_equal(segment->base, 0x1000 * n);
	assert_int_equal(segment->limit, 0x100 + n);
	assert_int_equal(segment->selector, 8 * n);
	/* 47:40 and 55:52 of the descriptor, apart again. */
	assert_int_equal(segment->attributes, 0xa090 + n);
}

static void test_segments(void **state)
{
	struct vmcb_segment *const in[] = { &block.save.es, &block.save.cs, &block.save.ss,
		&block.save.ds, &block.save.fs, &block.save.gs };
	const struct hv_segment *const out[] = { &page.es, &page.cs, &page.ss, &page.ds, &page.fs,
		&page.gs };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(in); i++)
		*in[i] = (struct vmcb_segment){ .selector = (u16)(8 * i),
			.attributes = (u16)(0xa90 + i),
			.limit = 0x100 + i,
			.base = 0x1000 * (u64)i };
	svm_intercept_header(&vp, &header);
	is_segment(&header.cs, 1);
	svm_register_page(&vp, &page);
	for (u32 i = 0; i < ARRAY_SIZE(out); i++)
		is_segment(out[i], i);
}

static void test_register_page(void **state)
{
	(void)state;
	block.save.cr0 = 0x80000011;
	block.save.cr3 = 0x5000;
	block.save.cr4 = 0x6f0;
	block.save.efer = 0x1d01;
	block.save.dr7 = 0x400;
	block.control.interrupt_state = 1;
	s.flags = SVM_NMI_MASKED;
	vp.event = (struct event){
		.valid = true, .type = EVENT_EXCEPTION, .vector = 14, .has_error = true, .error = 5
	};
	svm_register_page(&vp, &page);
	assert_int_equal(page.cr0, 0x80000011);
	assert_int_equal(page.cr3, 0x5000);
	assert_int_equal(page.cr4, 0x6f0);
	/* SVME is ours. */
	assert_int_equal(page.efer, 0xd01);
	assert_int_equal(page.dr7, 0x400);
	/* Pending, of type 3, with an error code, vector 14. */
	assert_int_equal(page.pending_interruption, 5ull << 32 | 14 << 16 | 1 << 4 | 3 << 1 | 1);
	assert_int_equal(page.interrupt_state, 3);
	vp.event.valid = false;
	s.flags = 0;
	block.control.interrupt_state = 0;
	svm_register_page(&vp, &page);
	assert_int_equal(page.pending_interruption, 0);
	assert_int_equal(page.interrupt_state, 0);
	/* What is not its own it leaves alone. */
	assert_int_equal(page.rip, 0xeeeeeeeeeeeeeeeeull);
	assert_int_equal(page.gpr[0], 0xeeeeeeeeeeeeeeeeull);
	assert_int_equal(page.valid, 0xee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_execution, setup),
		cmocka_unit_test_setup(test_segments, setup),
		cmocka_unit_test_setup(test_register_page, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
