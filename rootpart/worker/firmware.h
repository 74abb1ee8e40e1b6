/* SPDX-License-Identifier: MIT */
/*
 * What a child finds of firmware: ACPI tables, and at the reset vector code
 * that resets the machine, for guests that jump there.
 */
#pragma once

#include "base/types.h"
#include "rootpart/worker/place.h"

/*
 * Puts it where PCs have it, below 1 MiB. Returns the RSDP's GPA; 0: the kernel
 * lies there, or there is no memory, and there is no firmware.
 */
u64 firmware_load(const struct place *p);
