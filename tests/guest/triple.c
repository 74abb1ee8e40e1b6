/* SPDX-License-Identifier: MIT */
/*
 * The end of a root: an exception that finds no handler, no handler for that
 * either, and so a triple fault. On a machine with two processors the second
 * is kept busy in the guest meanwhile. Booted by tests/e2e/test_faults.py,
 * which looks at the hypervisor's report.
 * machines:
 */
#include "tests/guest/lib/guest.h"
#include "x86/desc.h"

static volatile u32 busy;

static void spin(void *unused)
{
	(void)unused;
	for (;;)
		busy = 1;
}

__attribute__((noinline)) static void lose_all_handlers(void)
{
	struct desc_ptr none = { 0, 0 };

	idt_load(&none);
	__builtin_trap();
}

__attribute__((noinline)) static void go_astray(void)
{
	lose_all_handlers();
}

void guest_main(void)
{
	if (guest_bootinfo->processors > 1) {
		if (guest_start_vp(1, spin, NULL) != HV_STATUS_SUCCESS)
			guest_fail("start-vp", "VP 1");
		while (!busy)
			;
	}
	guest_print("now\n");
	go_astray();
}
