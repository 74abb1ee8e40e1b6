/* SPDX-License-Identifier: MIT */
/*
 * What the files of the SynIC share: synic.c has messages and their slots,
 * synic_events.c event flags, synic_notify.c what the parent is told,
 * synic_msr.c the registers. Nobody else includes it.
 */
#pragma once

#include "hypervisor/synic.h"

/* Interrupts @vp as @sint says. The lock is held. */
void synic_interrupt(struct vp *vp, u32 sint);
/* Whether the slot is free; if not, its reader will write EOM. The lock is held. */
bool synic_slot_is_free(struct synic *s, u32 sint);
/* Computes @sint's bit of waiting_sints. The lock is held. */
void synic_waiting_update(struct synic *s, u32 sint);
/* Tries again all that waits for @sints. */
void synic_rescan(struct vp *vp, u32 sints);
/* Tells the parent of those of notify_sints that can take a message. The lock is held. */
void synic_notify_look(struct vp *vp);
