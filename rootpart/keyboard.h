/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 keyboard behind an 8042 controller. Start-up, a task of VP @vp.
 */
#pragma once

#include "base/types.h"

/*
 * Sets the controller up and routes its interrupt to VP @vp. From then on
 * @press gets the bytes of each key press, in interrupts of that VP.
 * Returns 0; -ENODEV if there is no controller; -EIO if it does not answer;
 * irq_request_isa()'s errors.
 */
[[nodiscard]] int keyboard_init(u32 vp, void (*press)(const char *bytes, u32 count));
