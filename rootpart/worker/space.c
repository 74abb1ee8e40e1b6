/* SPDX-License-Identifier: MIT */
/*
 * The addresses of include/worker/abi.h.
 */
#include "rootpart/worker/space.h"

const struct worker_start *space_start(void)
{
	return (const struct worker_start *)WORKER_START;
}

void *space_mailbox(void)
{
	return (void *)WORKER_MAILBOX;
}

struct hv_register_page *space_registers(u32 vp)
{
	return (struct hv_register_page *)WORKER_REGISTER_PAGE(vp);
}

const struct hv_message *space_intercept(u32 vp)
{
	return (const struct hv_message *)WORKER_INTERCEPT_PAGE(vp);
}

u64 *space_dirty(void)
{
	return (u64 *)WORKER_DIRTY;
}

u8 *space_memory(void)
{
	return (u8 *)WORKER_MEMORY;
}
