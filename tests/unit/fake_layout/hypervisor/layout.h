/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/layout.h for tests of code that follows owned memory: the direct
 * map and the stacks lie where a host program may have them, see
 * fake_memory.h, and the image is whatever the test calls image_start.
 */
#pragma once

#include_next "hypervisor/layout.h"

#undef HV_DIRECT_BASE
#undef HV_DIRECT_SIZE
#undef HV_IMAGE_BASE
#undef HV_STACK_BASE
#define HV_DIRECT_BASE 0x200000000000ull
#define HV_DIRECT_SIZE (4 * GIB)
#define HV_IMAGE_BASE  ((u64)image_start)
#define HV_STACK_BASE  0x210000000000ull
