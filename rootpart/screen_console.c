/* SPDX-License-Identifier: MIT */
/*
 * The console's screen. lib/screen.c draws; it never reads video memory, so
 * the hypervisor's lines, which are on the screen already, are drawn once
 * more from its log.
 */
#include "rootpart/screen_console.h"

#include "lib/screen.h"
#include "lib/string.h"
#include "rootpart/boot_modules.h"
#include "rootpart/log_reader.h"
#include "rootpart/paging.h"

static struct screen screen; /* kind SCREEN_NONE: there is none */
static bool started;

bool screen_console_init(const struct bootinfo_framebuffer *fb)
{
	bool rgb = fb->type == BOOTINFO_FB_RGB;

	if (fb->type != BOOTINFO_FB_TEXT && !rgb)
		return false;
	screen = (struct screen){
		.width = fb->width,
		.height = fb->height,
		.pitch = fb->pitch,
		.bpp = fb->bpp,
		.red = { fb->red_pos, fb->red_size },
		.green = { fb->green_pos, fb->green_size },
		.blue = { fb->blue_pos, fb->blue_size },
	};
	screen.memory = paging_map_device(fb->address, (u64)fb->pitch * fb->height,
		rgb ? PAGING_WRITE_COMBINE : PAGING_DEVICE);
	if (screen.memory == NULL)
		return false;
	screen.kind = rgb ? SCREEN_RGB : SCREEN_VGA_TEXT;
	return true;
}

bool screen_console_present(void)
{
	return screen.kind != SCREEN_NONE;
}

/* As many of the hypervisor's last lines as leave half of the screen free. */
static void draw_log(void)
{
	const struct log_ring *ring = boot_log_ring();
	u32 lines = 0, skip;
	char line[LOG_LINE];
	u64 from, at;

	if (ring == NULL)
		return;
	from = log_reader_start(ring);
	for (at = from; log_reader_next(ring, &at, line, sizeof(line));)
		lines++;
	skip = lines - MIN(lines, screen.rows / 2);
	for (at = from; log_reader_next(ring, &at, line, sizeof(line));) {
		if (skip > 0) {
			skip--;
			continue;
		}
		screen_write(&screen, line, strlen(line));
		screen_write(&screen, "\n", 1);
	}
}

void screen_console_start(void)
{
	started = true;
	screen_init(&screen);
	draw_log();
	screen_cursor(&screen, true);
}

void screen_console_write(const char *text, size_t len)
{
	/* Dying before the start: better a clear screen than none. */
	if (!started)
		screen_console_start();
	screen_write(&screen, text, len);
}
