/* SPDX-License-Identifier: MIT */
/*
 * rootpart/layout.h for the test of the page tables: the direct map begins at
 * 0, so that the host's addresses of tables are the physical ones, too.
 */
#pragma once

#include "../../../../rootpart/layout.h"

#undef ROOT_DIRECT_BASE
#define ROOT_DIRECT_BASE 0ull
