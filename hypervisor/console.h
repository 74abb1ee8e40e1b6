/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's output: COM1, the screen (VGA text or framebuffer) and
 * port 0xE9. COM1 and screen are its own until the root is entered; then it
 * keeps silent there and takes them back only to die.
 */
#pragma once

#include "base/types.h"

struct boot_info;
struct bootinfo_framebuffer;

/* Options "console=com1,vga,e9" (any subset; default all). */
void console_init(const struct boot_info *info);
/* After the final page tables are active: framebuffer and VGA at their new address. */
void console_remap(void);
void console_write(const char *text, size_t len);
/* Silence on COM1 and the screen; 0xE9 goes on. */
void console_hand_over(struct bootinfo_framebuffer *fb);
/* All consoles again, whatever their owner did to them. */
void console_take_back(void);
u16 console_serial_port(void);
