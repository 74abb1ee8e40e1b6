/* SPDX-License-Identifier: MIT */
/*
 * The processor's MTRRs, read once at boot for the memory types of
 * second-level leaves; nobody changes them afterwards. Intel SDM volume 3,
 * 12.11.
 */
#pragma once

#include "hypervisor/memtype.h"

/* Boot processor, once. */
void mtrr_init(void);
/* What mtrr_init() read. */
const struct mtrr_set *mtrr_set(void);
