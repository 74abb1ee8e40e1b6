/* SPDX-License-Identifier: MIT */
/*
 * From messages to those who wait for them, by the partition that they are about: the hypervisor's to its worker and its
 * bus, its own to its bus.
 */
#pragma once

#include "base/types.h"

struct vm_bus;
struct vm_worker;

/* Takes the messages from now on. Boot. */
void vm_events_init(void);
/*
 * What comes of partition @id is for @w, its intercepts, and @bus from now on; NULL: for nobody. On return
 * nobody else has any of it.
 */
void vm_events_set(u64 id, struct vm_worker *w, struct vm_bus *bus);
