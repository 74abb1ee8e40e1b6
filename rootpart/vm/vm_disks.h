/* SPDX-License-Identifier: MIT */
/*
 * The disks of a machine: a SCSI controller on its bus, whose LUNs are its configuration's disks.
 */
#pragma once

#include "rootpart/vm/vm_bus.h"
#include "rootpart/vm/vm_config.h"
#include "rootpart/vm/vm_disk.h"
#include "vsp/storvsp/storvsp.h"
#include "x86/spinlock.h"

struct vm_disks {
	struct vm_bus *bus; /* NULL: there are none */
	struct vm_bus_device device;
	struct storvsp_host host;
	struct storvsp controller;                   /* the bus' lock */
	struct spinlock locks[STORVSP_CHANNELS_MAX]; /* of its channels */
	struct vm_disk *disks[VM_DISKS_MAX];         /* the bus' lock */
	u32 wanted;                                  /* sub-channels; atomic */
};

/*
 * Opens what @config names, and offers the controller on @bus, whose child does not run yet. Errors as
 * vm_disk_open(), with a sentence in @why of VM_WHY; nothing is left then. Tasks.
 */
[[nodiscard]] int vm_disks_start(
	struct vm_disks *d, struct vm_bus *bus, const struct vm_config *config, char *why);
/* The bus has stopped. */
void vm_disks_stop(struct vm_disks *d);

/* @text, "PATH" or "PATH,ro", is LUN @lun from now on. -EBUSY: there is one; errors as above. Tasks. */
[[nodiscard]] int vm_disks_attach(
	struct vm_disks *d, const struct vm_config *config, u32 lun, char *why);
/* There is no LUN @lun from now on; returns when what was under way has ended. -ENOENT. Tasks. */
[[nodiscard]] int vm_disks_detach(struct vm_disks *d, u32 lun);
