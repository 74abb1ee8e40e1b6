/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/vmx/state.c against a made-up VMCS: the header of intercept
 * messages bit by bit, and its part of the register page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "vmx_fake.h"

#include "hypervisor/vmx/state.c"

static struct vp vp;
static struct hv_intercept_header header;
static struct hv_register_page page;
static u64 cr0;

u64 vmx_cr0(void)
{
	return cr0;
}

u64 vmx_cr4(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	return 0x6f0;
}

struct hv_segment vmx_segment(u32 index)
{
	return (struct hv_segment){ .base = 0x1000 * index, .selector = (u16)(8 * index) };
}

u64 vmx_event_pack(const struct event *event)
{
	assert_ptr_equal(event, &vp.event);
	return 0x1234;
}

u64 vmx_interrupt_state(void)
{
	return 3;
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(&vp, 0, sizeof(vp));
	memset(&header, 0xee, sizeof(header));
	memset(&page, 0xee, sizeof(page));
	cr0 = 0;
	fake_write(VMCS_GUEST_SS_RIGHTS, 0x93);
	fake_write(VMCS_GUEST_EFER, 0);
	fake_write(VMCS_GUEST_DR7, 0x400);
	fake_write(VMCS_INTERRUPTIBILITY, 0);
	fake_write(VMCS_GUEST_CR3, 0x5000);
	return 0;
}

static u16 execution(void)
{
	vmx_intercept_header(&vp, &header);
	return header.execution;
}

static void test_execution(void **state)
{
	(void)state;
	assert_int_equal(execution(), 0);
	assert_int_equal(header.cs.base, 0x1000);
	assert_int_equal(header.cs.selector, 8);
	/* The privilege is SS's. */
	for (u32 cpl = 0; cpl < 4; cpl++) {
		fake_write(VMCS_GUEST_SS_RIGHTS, 0x1c093 | cpl << 5);
		assert_int_equal(execution(), cpl);
	}
	fake_write(VMCS_GUEST_SS_RIGHTS, 0x93);
	cr0 = 0xfffffffffffbfffe;
	assert_int_equal(execution(), 0);
	cr0 = 1;
	assert_int_equal(execution(), 0x4);
	cr0 = 1 << 18;
	assert_int_equal(execution(), 0x8);
	cr0 = 0;
	fake_write(VMCS_GUEST_EFER, 0x100);
	assert_int_equal(execution(), 0);
	fake_write(VMCS_GUEST_EFER, 0x500);
	assert_int_equal(execution(), 0x10);
	fake_write(VMCS_GUEST_EFER, 0);
	fake_write(VMCS_GUEST_DR7, 0x401);
	assert_int_equal(execution(), 0x20);
	fake_write(VMCS_GUEST_DR7, 0x400);
	/* Blocking by STI and by MOV SS, but not of NMIs. */
	for (u32 bit = 0; bit < 4; bit++) {
		fake_write(VMCS_INTERRUPTIBILITY, 1u << bit);
		assert_int_equal(execution(), bit < 2 ? 0x1000 : 0);
	}
}

static void test_register_page(void **state)
{
	const struct hv_segment *const segments[] = { &page.es, &page.cs, &page.ss, &page.ds,
		&page.fs, &page.gs };

	(void)state;
	cr0 = 0x80000011;
	fake_write(VMCS_GUEST_EFER, 0xd01);
	vmx_register_page(&vp, &page);
	for (u32 i = 0; i < ARRAY_SIZE(segments); i++) {
		assert_int_equal(segments[i]->base, 0x1000 * i);
		assert_int_equal(segments[i]->selector, 8 * i);
	}
	assert_int_equal(page.cr0, 0x80000011);
	assert_int_equal(page.cr3, 0x5000);
	assert_int_equal(page.cr4, 0x6f0);
	assert_int_equal(page.efer, 0xd01);
	assert_int_equal(page.dr7, 0x400);
	assert_int_equal(page.pending_interruption, 0x1234);
	assert_int_equal(page.interrupt_state, 3);
	/* What is not its own it leaves alone. */
	assert_int_equal(page.rip, 0xeeeeeeeeeeeeeeeeull);
	assert_int_equal(page.gpr[0], 0xeeeeeeeeeeeeeeeeull);
	assert_int_equal(page.valid, 0xee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_execution, setup),
		cmocka_unit_test_setup(test_register_page, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
