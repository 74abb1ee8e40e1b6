/* SPDX-License-Identifier: MIT */
/*
 * A guest that says that it crashed, by its crash MSRs: a line in the log, and
 * its last words for `vm show`. TLFS 6.0b, 2.4.6.
 */
#pragma once

#include "rootpart/worker/vp.h"

/* @vp wrote @control, with HV_CRASH_NOTIFY. */
void crash_tell(const struct vp *vp, u64 control);
