/* SPDX-License-Identifier: MIT */
/*
 * What the fake lower layers tell tests besides.
 */
#pragma once

#include "rootpart/ext4/ext4_impl.h"

/* Operations that change more than they said, or change without one, abort. */
extern u32 fake_most_changed; /* by one operation so far */
extern u32 fake_damages;      /* ext4_damaged() */
