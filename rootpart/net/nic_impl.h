/* SPDX-License-Identifier: MIT */
/*
 * What the files of the NIC layer have from each other: nic.c is the registry and
 * what comes in, nic_send.c what goes out, nic_bounce.c copies of frames, nic_watch.c
 * the task of each NIC.
 */
#pragma once

#include "rootpart/net/nic.h"

/* How long what was sent may take: from this to twice as long. */
#define NIC_SEND_LIMIT_NS (2 * NS_PER_S)
/* So many resets in a row, each soon after the one before, and it goes off line. */
#define NIC_RESETS_MAX 5u
#define NIC_SOON_NS    (20 * NS_PER_S)

/* The send lock is held: has the task call done() with @error. */
void nic_refuse(struct nic *n, struct nic_frame *f, int error);
/* The same for all that wait. */
void nic_refuse_waiting(struct nic *n, int error);
/* The send lock is held: sends what waits, as far as there is room. */
void nic_pump(struct nic *n);

/* True: the device cannot do all of what @f, which is valid, asks for. */
bool nic_needs_bounce(const struct nic *n, const struct nic_frame *f);
/*
 * A copy of @f in one segment, with its checksum if the device cannot do it, which ends
 * @f when it ends. NULL: no memory.
 */
[[nodiscard]] struct nic_frame *nic_bounce(struct nic *n, struct nic_frame *f);

/* Makes the task of @n. -ENOMEM. */
[[nodiscard]] int nic_watch_start(struct nic *n);
/* The send lock is held: the driver has taken a frame. */
void nic_watch_taken(struct nic *n);
