/* SPDX-License-Identifier: MIT */
/*
 * CRC-32 as in Ethernet, zip and GPT: polynomial 0x04c11db7, bits reflected.
 */
#pragma once

#include "base/types.h"

/* Of what had @crc so far, 0 at the beginning, and @data behind it. */
u32 crc32_add(u32 crc, const void *data, size_t len);
