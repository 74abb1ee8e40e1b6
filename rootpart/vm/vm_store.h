/* SPDX-License-Identifier: MIT */
/*
 * Where VMs are kept: what is mounted at VM_ROOT. If no volume is there for it
 * (volume.h), a memory file system of bounded size.
 */
#pragma once

#include "base/types.h"

/* Mounts the latter, if need be; a log line if that fails, and VMs cannot be made then. After volumes_mount(). */
void vm_store_init(void);
/* True if what is kept there is lost at power-off. */
bool vm_store_is_volatile(void);
