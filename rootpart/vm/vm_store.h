/* SPDX-License-Identifier: MIT */
/*
 * Where VMs are kept: what is mounted at VM_ROOT. While no volume is there for
 * it, a memory file system of bounded size.
 */
#pragma once

#include "base/types.h"

/* Mounts it; a log line if that fails, and VMs cannot be made then. Boot. */
void vm_store_init(void);
/* True if what is kept there is lost at power-off. */
bool vm_store_is_volatile(void);
