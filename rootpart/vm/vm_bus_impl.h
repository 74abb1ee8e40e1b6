/* SPDX-License-Identifier: MIT */
/*
 * What the files of the bus share: vm_bus.c has the task and its messages, vm_bus_out.c those to the child,
 * vm_bus_channel.c signals and interrupts.
 */
#pragma once

#include "rootpart/vm/vm_bus.h"

/* ---- vm_bus_out.c; lock held ---- */

/* vmbus_host.send() */
void vm_bus_send(void *context, u32 vp, const void *message, u32 size);
/* As many as the child has room for. */
void vm_bus_deliver(struct vm_bus *b);
/* There are so many that it is to read some first. */
bool vm_bus_is_behind(const struct vm_bus *b);
void vm_bus_drop_all(struct vm_bus *b);

/* ---- vm_bus_channel.c: as in vmbus_host ---- */

int vm_bus_connect(void *context, u32 connection, u32 relid);
void vm_bus_disconnect(void *context, u32 connection, u32 relid);
void vm_bus_interrupt(void *context, u32 vp, u32 relid);
