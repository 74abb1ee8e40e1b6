/* SPDX-License-Identifier: MIT */
/*
 * What the kernel mapped for the worker, as pointers. Host tests have a header
 * of the same name, which gives them memory of their own.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"
#include "hv/vp.h"
#include "worker/abi.h"

static inline const struct worker_start *space_start(void)
{
	return (const struct worker_start *)WORKER_START;
}

static inline void *space_mailbox(void)
{
	return (void *)WORKER_MAILBOX;
}

static inline struct hv_register_page *space_registers(u32 vp)
{
	return (struct hv_register_page *)WORKER_REGISTER_PAGE(vp);
}

static inline const struct hv_message *space_intercept(u32 vp)
{
	return (const struct hv_message *)WORKER_INTERCEPT_PAGE(vp);
}

/* A bit per 4 KiB of GPA space. */
static inline u64 *space_dirty(void)
{
	return (u64 *)WORKER_DIRTY;
}

/* The child's memory, to be added to a GPA; memory.c alone uses it. */
static inline u8 *space_memory(void)
{
	return (u8 *)WORKER_MEMORY;
}
