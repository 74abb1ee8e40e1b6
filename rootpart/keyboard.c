/* SPDX-License-Identifier: MIT */
/*
 * 8042 set-up and the keyboard's interrupt. The controller translates to scan
 * code set 1, the mouse port stays off. After keyboard_init() only the
 * interrupt touches the registers. IBM PS/2 Technical Reference, "Keyboard and
 * Auxiliary Device Controller".
 */
#include "rootpart/keyboard.h"

#include "base/errno.h"
#include "rootpart/irq.h"
#include "rootpart/keymap.h"
#include "rootpart/lock.h"
#include "x86/cpu.h"
#include "x86/io.h"

#define PORT_DATA           0x60u
#define PORT_STATUS         0x64u /* read */
#define PORT_COMMAND        0x64u /* write */
#define STATUS_OUTPUT       0x01u
#define STATUS_INPUT        0x02u
#define STATUS_MOUSE        0x20u
#define NO_CONTROLLER       0xffu
#define COMMAND_READ        0x20u
#define COMMAND_WRITE       0x60u
#define COMMAND_MOUSE_OFF   0xa7u
#define COMMAND_OFF         0xadu
#define COMMAND_ON          0xaeu
#define CONFIG_INTERRUPT    0x01u
#define CONFIG_MOUSE        0x02u
#define CONFIG_KEYBOARD_OFF 0x10u
#define CONFIG_MOUSE_OFF    0x20u
#define CONFIG_TRANSLATE    0x40u
#define KEYBOARD_SCAN       0xf4u
#define KEYBOARD_LINE       1u

/* Each poll is a bus access of about a microsecond on hardware. */
#define POLLS_MAX 20000u
/* More bytes than the controller and the keyboard can hold together. */
#define BURST_MAX 64u

static struct {
	struct keymap keymap;
	void (*press)(const char *bytes, u32 count);
	struct irq *irq;
} keyboard;

static bool wait_status(u8 mask, u8 value)
{
	for (u32 i = 0; i < POLLS_MAX; i++) {
		if ((in8(PORT_STATUS) & mask) == value)
			return true;
		cpu_pause();
	}
	return false;
}

static bool write_to(u16 port, u8 v)
{
	if (!wait_status(STATUS_INPUT, 0))
		return false;
	out8(port, v);
	return true;
}

static void drain(void)
{
	for (u32 i = 0; i < BURST_MAX && (in8(PORT_STATUS) & STATUS_OUTPUT); i++)
		(void)in8(PORT_DATA);
}

static bool read_config(u8 *config)
{
	if (!write_to(PORT_COMMAND, COMMAND_READ) || !wait_status(STATUS_OUTPUT, STATUS_OUTPUT))
		return false;
	*config = in8(PORT_DATA);
	return true;
}

static int set_up(void)
{
	u8 config;

	if (in8(PORT_STATUS) == NO_CONTROLLER)
		return -ENODEV;
	if (!write_to(PORT_COMMAND, COMMAND_OFF) || !write_to(PORT_COMMAND, COMMAND_MOUSE_OFF))
		return -EIO;
	drain();
	if (!read_config(&config))
		return -EIO;
	config |= CONFIG_INTERRUPT | CONFIG_TRANSLATE | CONFIG_MOUSE_OFF;
	config &= (u8) ~(CONFIG_MOUSE | CONFIG_KEYBOARD_OFF);
	if (!write_to(PORT_COMMAND, COMMAND_WRITE) || !write_to(PORT_DATA, config) ||
		!write_to(PORT_COMMAND, COMMAND_ON))
		return -EIO;
	return 0;
}

static void keyboard_interrupt(void *ctx)
{
	(void)ctx;
	for (u32 i = 0; i < BURST_MAX; i++) {
		u8 status = in8(PORT_STATUS);
		char bytes[KEYMAP_BYTES];
		u32 count;
		u8 code;

		if (!(status & STATUS_OUTPUT))
			return;
		code = in8(PORT_DATA);
		if (status & STATUS_MOUSE)
			continue;
		count = keymap_decode(&keyboard.keymap, code, bytes);
		if (count > 0)
			keyboard.press(bytes, count);
	}
}

/* An edge that came before the interrupt was routed left its byte behind. */
static void take_leftovers(void)
{
	u64 flags = irq_save();

	keyboard_interrupt(NULL);
	irq_restore(flags);
}

int keyboard_init(u32 vp, void (*press)(const char *bytes, u32 count))
{
	int r;

	keyboard.press = press;
	r = set_up();
	if (r != 0)
		return r;
	r = irq_request_isa(KEYBOARD_LINE, vp, keyboard_interrupt, NULL, &keyboard.irq);
	if (r != 0)
		return r;
	take_leftovers();
	/* Its answer comes as an interrupt, and is no key. */
	return write_to(PORT_DATA, KEYBOARD_SCAN) ? 0 : -EIO;
}
