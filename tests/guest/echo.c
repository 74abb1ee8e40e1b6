/* SPDX-License-Identifier: MIT */
/*
 * The example kernel of the boot archive: greets, echoes what is typed on its
 * console, and powers off at Ctrl-D. It is content with the least of a child.
 * machines:
 */
#include "tests/guest/lib/guest.h"
#include "x86/cpu.h"
#include "x86/io.h"

#define COM1          0x3f8u
#define SLEEP_CONTROL 0x600u
#define SLEEP_S5      0x34u /* type 5 and enable */
#define CTRL_D        4

static char key(void)
{
	while (!(in8(COM1 + 5) & 1))
		cpu_pause();
	return (char)in8(COM1);
}

void guest_main(void)
{
	guest_print("Hello from a virtual machine. Type; Ctrl-D powers it off.\r\n");
	for (char c; (c = key()) != CTRL_D;)
		guest_print(c == '\r' ? "\r\n" : "%c", c);
	guest_print("\r\nGood-bye.\r\n");
	out8(SLEEP_CONTROL, SLEEP_S5);
}
