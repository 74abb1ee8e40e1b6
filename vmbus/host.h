/* SPDX-License-Identifier: MIT */
/*
 * What a server needs of whoever runs the guest. @context is the owner's.
 */
#pragma once

#include "base/types.h"
#include "vmbus/protocol.h"

struct vmbus_host {
	void *context;

	/* Zeroed memory of the server's own; NULL. */
	void *(*alloc)(size_t size);
	void (*free)(void *p);

	/*
	 * A message to the guest's VP, behind all that were sent before; @size bytes are copied. None is
	 * lost while the guest runs, however slowly it reads.
	 */
	void (*send)(void *context, u32 vp, const void *message, u32 size);
	/* Our address of page @pfn of the guest, as long as the guest is there; NULL: no RAM that both may write. */
	u8 *(*page)(void *context, u64 pfn);
	/*
	 * The guest may signal @connection from now on, which is vmbus_server_signalled(relid), or no more: when
	 * disconnect() has returned, nobody is about to call that. 0, or a negative errno: the channel cannot be opened.
	 */
	int (*connect)(void *context, u32 connection, u32 relid);
	void (*disconnect)(void *context, u32 connection, u32 relid);
	/* Interrupts @vp for channel @relid. Any context in which a provider writes. */
	void (*interrupt)(void *context, u32 vp, u32 relid);
	/* Has vmbus_server_attend() called soon, under the owner's lock. Any context in which a provider runs. */
	void (*attend)(void *context);
};
