/* SPDX-License-Identifier: MIT */
/*
 * A VM that is on: its child partition, its worker, its bus and the devices there, made whole or not at
 * all, and how it ended. By the VM's task.
 */
#pragma once

#include "base/types.h"
#include "rootpart/vm/child.h"
#include "rootpart/vm/vm_bus.h"
#include "rootpart/vm/vm_disks.h"
#include "rootpart/vm/vm_worker.h"

struct vm_machine {
	struct child child;
	struct vm_worker worker;
	struct vm_bus bus;
	struct vm_disks disks;
	struct wait_queue *changed;
};

/*
 * Builds it from @config and lets it run; @changed is woken when its worker
 * ends. 0, or an error with nothing left and the reason in @why, of VM_WHY.
 */
[[nodiscard]] int machine_start(struct vm_machine *m, const struct vm_config *config,
	struct vm_console *console, struct wait_queue *changed, char *why);
bool machine_ended(const struct vm_machine *m);
/* Ends it and gives everything back. */
void machine_end(struct vm_machine *m);

/* Stops its processors and its time, and lets them go on. */
[[nodiscard]] int machine_pause(struct vm_machine *m);
[[nodiscard]] int machine_resume(struct vm_machine *m);
/* Nanoseconds of all its VPs together. */
u64 machine_cpu_ns(const struct vm_machine *m);
