/* SPDX-License-Identifier: MIT */
/*
 * Entry points of the kernel in C, called by entry.S.
 */
#pragma once

#include "base/types.h"

/* Boot VP. @start_info: GPA of struct pvh_start_info; @load: of the image. */
_Noreturn void root_main(u64 start_info, u64 load);
