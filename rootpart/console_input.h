/* SPDX-License-Identifier: MIT */
/*
 * What was typed and not yet read: one queue of bytes for all keyboards.
 * Ctrl-C is a byte like others, and counted, so that a command that runs can
 * tell. Pushed in interrupts of any VP; read by one task.
 */
#pragma once

#include "base/types.h"

#define CONSOLE_CTRL_C 0x03

/* Bytes that still fit. */
size_t console_input_room(void);
/* False, and @byte is lost, if the queue is full. */
bool console_input_push(u8 byte);

/*
 * Waits for a byte and returns it (0 to 255); -EINTR if console_nudge() was
 * called, -ETIMEDOUT at @deadline_ns (TIME_NEVER: no limit).
 */
int console_read(u64 deadline_ns);
/* Makes one console_read(), now or next, return -EINTR. Any context. */
void console_nudge(void);

/* True if a Ctrl-C waits in the queue. */
bool console_interrupted(void);
/* Throws the queue away up to the last Ctrl-C, and returns whether there was one. */
bool console_take_interrupt(void);
/* Waits until @deadline_ns; -EINTR as soon as a Ctrl-C waits, else 0. */
[[nodiscard]] int console_wait(u64 deadline_ns);
/*
 * Waits until @ready(@ctx), which whoever makes it so tells by console_wake(); -EINTR as soon
 * as a Ctrl-C waits; -ETIMEDOUT at @deadline_ns.
 */
[[nodiscard]] int console_wait_for(bool (*ready)(void *ctx), void *ctx, u64 deadline_ns);
/* Has console_wait_for() look again. Any context. */
void console_wake(void);
