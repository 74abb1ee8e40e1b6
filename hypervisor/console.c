/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's consoles: COM1 (16550, polled), the screen, port 0xE9.
 * Before console_remap() the screen is at its physical address, afterwards in
 * the device area. log.c serialises; the dying do not care.
 */
#include "hypervisor/console.h"

#include "base/errno.h"
#include "boot/boot_info.h"
#include "boot/bootinfo.h"
#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "lib/cmdline.h"
#include "lib/screen.h"
#include "lib/string.h"
#include "x86/io.h"

#define COM1          0x3f8u
#define UART_DATA     0u
#define UART_IER      1u
#define UART_FCR      2u
#define UART_LCR      3u
#define UART_MCR      4u
#define UART_LSR      5u
#define UART_SCRATCH  7u
#define LSR_THR_EMPTY 0x20u
#define LSR_IDLE      0x40u
#define TX_SPINS      100000u
#define DEBUG_PORT    0xe9u
#define VGA_TEXT      0xb8000ull
#define VGA_COLUMNS   80u
#define VGA_ROWS      25u
#define CRTC_INDEX    0x3d4u
#define CRTC_DATA     0x3d5u
#define CURSOR_START  0x0au
#define CURSOR_OFF    0x20u

enum { CONSOLE_COM1, CONSOLE_VGA, CONSOLE_E9, CONSOLES };

#define ALL_CONSOLES ((u32)BIT(CONSOLES) - 1)

static const char *const names[CONSOLES] = { "com1", "vga", "e9" };

static struct {
	bool serial;
	bool debug_port;
	bool ours; /* COM1 and the screen */
	u64 screen_address;
	struct screen screen;
} console;

static bool serial_present(void)
{
	out8(COM1 + UART_SCRATCH, 0x5a);
	if (in8(COM1 + UART_SCRATCH) != 0x5a)
		return false;
	out8(COM1 + UART_SCRATCH, 0xa5);
	return in8(COM1 + UART_SCRATCH) == 0xa5;
}

/* 115200 baud, 8N1, FIFOs on, no interrupts. */
static void serial_setup(void)
{
	out8(COM1 + UART_IER, 0);
	out8(COM1 + UART_LCR, 0x80);
	out8(COM1 + UART_DATA, 1);
	out8(COM1 + UART_IER, 0);
	out8(COM1 + UART_LCR, 0x03);
	out8(COM1 + UART_FCR, 0x07);
	out8(COM1 + UART_MCR, 0x0b);
}

static void serial_wait(u8 bit)
{
	for (u32 i = 0; i < TX_SPINS && !(in8(COM1 + UART_LSR) & bit); i++)
		;
}

static void serial_put(char c)
{
	serial_wait(LSR_THR_EMPTY);
	out8(COM1 + UART_DATA, (u8)c);
}

static void screen_from(const struct boot_framebuffer *fb)
{
	struct screen *s = &console.screen;

	*s = (struct screen){
		.kind = SCREEN_VGA_TEXT,
		.width = VGA_COLUMNS,
		.height = VGA_ROWS,
		.pitch = 2 * VGA_COLUMNS,
	};
	console.screen_address = VGA_TEXT;
	if (fb->type == BOOT_FB_UNUSABLE)
		s->kind = SCREEN_NONE;
	if (fb->type == BOOT_FB_TEXT || fb->type == BOOT_FB_RGB) {
		console.screen_address = fb->addr;
		s->kind = fb->type == BOOT_FB_RGB ? SCREEN_RGB : SCREEN_VGA_TEXT;
		s->width = fb->width;
		s->height = fb->height;
		s->pitch = fb->pitch;
		s->bpp = fb->bpp;
		s->red = (struct screen_colour){ fb->red.position, fb->red.size };
		s->green = (struct screen_colour){ fb->green.position, fb->green.size };
		s->blue = (struct screen_colour){ fb->blue.position, fb->blue.size };
	}
	/* Above the boot tables' 4 GiB it waits for console_remap(). */
	if (console.screen_address + (u64)s->pitch * s->height > 4 * GIB)
		s->kind = SCREEN_NONE;
	s->memory = (volatile u8 *)console.screen_address;
}

/* GRUB leaves a cursor that nobody moves; ours, if any, is drawn. */
static void vga_cursor_hide(void)
{
	out8(CRTC_INDEX, CURSOR_START);
	out8(CRTC_DATA, CURSOR_OFF);
}

/* Adds the console whose name @word begins with, up to a comma or the end. */
static bool add_console(const char *word, u32 *chosen)
{
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(word, names[i], len) == 0 && (!word[len] || word[len] == ',')) {
			*chosen |= (u32)BIT(i);
			return true;
		}
	}
	return false;
}

/* What the option chooses; false if it cannot be followed to the letter. */
static bool choose(const struct boot_info *info, u32 *chosen)
{
	char list[32];
	int err = cmdline_get(info->cmdline, "console", list, sizeof(list));
	bool known = !err;

	*chosen = 0;
	if (err == -ENOENT) {
		*chosen = ALL_CONSOLES;
		return true;
	}
	for (const char *at = list; known && at; at = strchr(at, ',')) {
		at += *at == ',';
		known = add_console(at, chosen);
	}
	/* Better too many than a machine that keeps silent. */
	if (!known)
		*chosen = ALL_CONSOLES;
	return known;
}

void console_init(const struct boot_info *info)
{
	u32 chosen;
	bool known = choose(info, &chosen);

	console.serial = chosen & BIT(CONSOLE_COM1) && serial_present();
	console.debug_port = chosen & BIT(CONSOLE_E9);
	console.ours = true;
	if (console.serial)
		serial_setup();
	if (chosen & BIT(CONSOLE_VGA))
		screen_from(&info->framebuffer);
	screen_init(&console.screen);
	if (console.screen.kind == SCREEN_VGA_TEXT)
		vga_cursor_hide();
	if (!known)
		log_warn("options: console= takes com1, vga and e9, with commas between; "
			 "all are used");
}

void console_remap(void)
{
	struct screen *s = &console.screen;

	if (s->kind == SCREEN_NONE)
		return;
	s->memory = paging_map_device(console.screen_address, (u64)s->pitch * s->height);
}

void console_write(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (console.debug_port)
			out8(DEBUG_PORT, (u8)text[i]);
		if (!console.ours || !console.serial)
			continue;
		if (text[i] == '\n')
			serial_put('\r');
		serial_put(text[i]);
	}
	if (console.ours)
		screen_write(&console.screen, text, len);
}

void console_hand_over(struct bootinfo_framebuffer *fb)
{
	const struct screen *s = &console.screen;

	console.ours = false;
	*fb = (struct bootinfo_framebuffer){
		.address = console.screen_address,
		.width = s->width,
		.height = s->height,
		.pitch = s->pitch,
		.bpp = s->bpp,
		.red_pos = s->red.position,
		.red_size = s->red.size,
		.green_pos = s->green.position,
		.green_size = s->green.size,
		.blue_pos = s->blue.position,
		.blue_size = s->blue.size,
		.cursor_column = (u16)s->column,
		.cursor_row = (u16)s->row,
	};
	if (s->kind == SCREEN_VGA_TEXT)
		fb->type = BOOTINFO_FB_TEXT;
	else if (s->kind == SCREEN_RGB)
		fb->type = BOOTINFO_FB_RGB;
}

void console_take_back(void)
{
	if (console.ours)
		return;
	console.ours = true;
	screen_init(&console.screen);
	if (!console.serial)
		return;
	/* What the root sent last goes out; its line may not be at its end. */
	serial_wait(LSR_IDLE);
	serial_setup();
	serial_put('\r');
	serial_put('\n');
}

u16 console_serial_port(void)
{
	return console.serial ? COM1 : 0;
}
