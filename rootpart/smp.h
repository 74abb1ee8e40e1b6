/* SPDX-License-Identifier: MIT */
/*
 * Starts the root's other VPs by HvCallStartVirtualProcessor, one per APIC id
 * in the boot information, and waits until each runs its idle loop.
 */
#pragma once

#include "base/types.h"

/* What every VP does for itself once it has its tables; the boot VP, too. */
void smp_init_vp(void);
/* Panics if a VP cannot be started. Boot VP, boot. */
void smp_init(void);
