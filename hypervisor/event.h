/* SPDX-License-Identifier: MIT */
/*
 * What becomes of an exception that arises while another event is under
 * delivery. Pure, so that the whole table is a unit test.
 * Intel SDM volume 3, 6.15, tables 6-4 and 6-5.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/virt.h"

/*
 * Puts exception @next to *pending, which may hold an event whose delivery it
 * interrupted. Afterwards *pending is @next, or #DF. Returns false if the
 * processor would shut down: a fault on the way to the double-fault handler.
 */
[[nodiscard]] bool event_merge(struct event *pending, const struct event *next);
