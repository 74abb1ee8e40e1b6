/* SPDX-License-Identifier: MIT */
/*
 * The screen that the hypervisor handed over, VGA text or a framebuffer, as
 * a place to write text. The caller serialises: it is console.c's task, and
 * panic.
 */
#pragma once

#include "base/types.h"
#include "boot/bootinfo.h"

/*
 * Maps the screen that @fb describes. Returns false if there is none, or
 * memory is out. Draws nothing yet. Boot.
 */
bool screen_console_init(const struct bootinfo_framebuffer *fb);
bool screen_console_present(void);
/* Takes the screen over: what the log's tail says stays in sight. */
void screen_console_start(void);
void screen_console_write(const char *text, size_t len);
