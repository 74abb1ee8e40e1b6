/* SPDX-License-Identifier: MIT */
/*
 * What the kernel mapped for the worker, as pointers. Host tests bring memory
 * of their own in place of space.c.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"
#include "hv/vp.h"
#include "worker/abi.h"

const struct worker_start *space_start(void);
void *space_mailbox(void);
struct hv_register_page *space_registers(u32 vp);
const struct hv_message *space_intercept(u32 vp);
/* A bit per 4 KiB of GPA space. */
u64 *space_dirty(void);
/* The child's memory, to be added to a GPA; memory.c alone uses it. */
u8 *space_memory(void);
