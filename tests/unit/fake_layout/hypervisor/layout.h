/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/layout.h for tests of code that follows owned memory: the direct
 * map lies where a host program may have it, see fake_memory.h, and the image
 * is whatever the test calls image_start.
 */
#pragma once

#include_next "hypervisor/layout.h"

#undef HV_DIRECT_BASE
#undef HV_DIRECT_SIZE
#undef HV_IMAGE_BASE
#define HV_DIRECT_BASE 0x200000000000ull
#define HV_DIRECT_SIZE (4 * GIB)
#define HV_IMAGE_BASE  ((u64)image_start)
