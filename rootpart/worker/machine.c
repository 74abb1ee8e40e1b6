/* SPDX-License-Identifier: MIT */
/*
 * The child's machine, one per worker.
 */
#include "rootpart/worker/machine.h"

struct machine machine;

void machine_init(void)
{
	machine = (struct machine){ .power = { .wish = POWER_GO_ON } };
	rtc_init(&machine.rtc);
}
