/* SPDX-License-Identifier: MIT */
/*
 * Commit by time: what is changed on an ext4 volume goes to its medium soon, also if nobody
 * asks for it. A task for each volume; it sleeps without a limit while all is on the medium.
 */
#pragma once

#include "rootpart/time.h"

struct ext4;

/* How long a change waits at most before its commit begins. */
#define VOLUME_COMMIT_NS (5 * NS_PER_S)

/*
 * For ever from now on; @fs, which is mounted, is not unmounted; one that is only read needs nothing. @name, its device's, is constant. Without
 * memory there is a log line, and nothing is committed by time. Tasks.
 */
void volume_commit_start(struct ext4 *fs, const char *name);
