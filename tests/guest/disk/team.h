/* SPDX-License-Identifier: MIT */
/*
 * The child's VPs as a team: VP 0 gives jobs, the others do them, and wait in HLT in between. Interrupts are off but
 * in waits.
 */
#pragma once

#include "base/types.h"

#define TEAM_MAX    4u
#define TEAM_VECTOR 0x63u

/* Starts all VPs that there are, TEAM_MAX at most with VP 0: how many. Once. */
u32 team_begin(void);
/* VP @vp, not 0, which has none, does @fn. */
void team_start(u32 vp, void (*fn)(u32 vp));
/* Until it is done. */
void team_wait(u32 vp);
/* Each does @fn, VP 0 as well; all are done. */
void team_run(void (*fn)(u32 vp));
/* The number of the calling VP. */
u32 team_self(void);
