/* SPDX-License-Identifier: MIT */
/*
 * From the hypervisor's messages to the workers that wait for them: which
 * partition is whose.
 */
#pragma once

#include "base/types.h"

struct vm_worker;

/* Takes the messages from now on. Boot. */
void vm_events_init(void);
/* Intercepts of partition @id go to @w; NULL: to nobody. On return nobody else has them. */
void vm_events_set(u64 id, struct vm_worker *w);
