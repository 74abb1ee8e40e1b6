/* SPDX-License-Identifier: MIT */
/*
 * Dispatch of exits: one const table from kind to handler. Handlers run on
 * the VP's processor with interrupts off, and either change the VP so that it
 * can be entered again, or stop it.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/virt.h"

void exit_handle(struct vp *vp, const struct exit *exit);
