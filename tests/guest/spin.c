/* SPDX-License-Identifier: MIT */
/*
 * A root that hangs: a loop without exits. Booted by tests/e2e/test_faults.py,
 * which then sends an NMI.
 * machines:
 */
#include "tests/guest/lib/guest.h"

static volatile u32 count;

__attribute__((noinline)) static void spin(void)
{
	for (;;)
		count++;
}

void guest_main(void)
{
	guest_print("spinning\n");
	spin();
}
