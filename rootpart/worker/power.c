/* SPDX-License-Identifier: MIT */
/*
 * Registers for power and reset. Each is a byte wide, and a child that reads
 * them finds zeros: nothing pending, nobody busy.
 */
#include "rootpart/worker/power.h"

#include "rootpart/worker/ports.h"

#define SLEEP_ENABLE   0x20u
#define SLEEP_TYPE(v)  ((v) >> 2 & 7u)

#define RESET_CPU      0x04u
#define KBD_PULSE_LINE 0xfeu

u8 power_read(struct power *p, u16 port)
{
	return port == PORT_RESET ? p->reset_control : 0;
}

/* A bit that goes up resets. */
static void reset_write(struct power *p, u8 v)
{
	if (v & ~p->reset_control & RESET_CPU)
		p->wish = POWER_RESET;
	p->reset_control = v;
}

/* As Bochs has it: the tests' guest kernels end so, whatever runs them. */
static void word_write(struct power *p, u8 v)
{
	static const char word[] = "Shutdown";

	if (v != (u8)word[p->word_matched])
		p->word_matched = v == (u8)word[0];
	else if (++p->word_matched == sizeof(word) - 1) {
		p->word_matched = 0;
		p->wish = POWER_OFF;
	}
}

void power_write(struct power *p, u16 port, u8 v)
{
	switch (port) {
	case PORT_SLEEP_CONTROL:
		if (v & SLEEP_ENABLE && SLEEP_TYPE(v) == POWER_S5_TYPE)
			p->wish = POWER_OFF;
		break;
	case PORT_KEYBOARD:
		if (v == KBD_PULSE_LINE)
			p->wish = POWER_RESET;
		break;
	case PORT_RESET:
		reset_write(p, v);
		break;
	case PORT_TEST_SHUTDOWN:
		word_write(p, v);
		break;
	default: /* sleep status: there is no wake status to clear */
		break;
	}
}
