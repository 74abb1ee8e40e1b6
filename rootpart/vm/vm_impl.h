/* SPDX-License-Identifier: MIT */
/*
 * What vm.c, the table and its queries, vm_disk_set.c, and vm_life.c, a VM's task and what is
 * asked of it, share. All fields are under vm_lock but for those of the machine, which
 * the VM's task alone changes; others read them while vm->on is set.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"
#include "rootpart/mutex.h"
#include "rootpart/vm/vm.h"
#include "rootpart/vm/vm_console.h"
#include "rootpart/vm/vm_machine.h"

/* Asked of a VM's task, one at a time. */
enum vm_request { VM_NO_REQUEST, VM_KILL, VM_RESET, VM_PAUSE, VM_RESUME };

#define VM_RECENT_RESETS 3u

struct vm {
	struct list_node link; /* in the table, by name */
	struct vm_config config;
	struct vm_config built; /* what its machine is made from: vm set may change the other */
	enum vm_state state;
	u32 users; /* calls that wait for it: it may not be deleted */
	struct vm_console console;

	struct wait_queue changed; /* of what its task waits for, and of the answers */
	enum vm_request request;
	u32 answered; /* requests and starts that were answered */
	int answer;
	char why[VM_WHY];      /* of the answer, or of the end */
	struct vm_crash crash; /* of a machine that is gone, since the last start */

	struct vm_machine *machine; /* while the task is there */
	bool on;                    /* it is whole: may be read */
	u64 started_ns;
	u32 resets;
	u64 reset_ns[VM_RECENT_RESETS]; /* when the last ones were */
};

extern struct mutex vm_lock;

/* Fills @why and returns @error. */
int vm_because(char *why, int error, const char *text);

/* The VM called @name, or NULL. Under vm_lock. */
struct vm *vm_find(const char *name);
/* Writes the file, and then @config is the VM's; or nothing changes. Under vm_lock. */
[[nodiscard]] int vm_keep(struct vm *vm, const struct vm_config *config, char *why);

/* Gives a machine that is on what of the configuration it takes at once. Under vm_lock. */
[[nodiscard]] int vm_configure_machine(struct vm *vm);

/* vm_life.c; under vm_lock, which they give up while they wait. */
[[nodiscard]] int vm_life_start(struct vm *vm, char *why);
[[nodiscard]] int vm_life_request(struct vm *vm, enum vm_request request, char *why);

/*
 * Gives a machine that is on (vm->on) the disk vm->config.disks[lun], which it has not yet; and takes
 * disk @lun away, which the configuration has no more. 0, or an error with the reason in @why, and the
 * machine is as before. Under vm_lock, which is held while requests to the disk end. vm_devices.c.
 */
[[nodiscard]] int vm_machine_attach(struct vm *vm, u32 lun, char *why);
[[nodiscard]] int vm_machine_detach(struct vm *vm, u32 lun, char *why);
