/* SPDX-License-Identifier: MIT */
/*
 * From port numbers to devices. All devices here have byte registers: wider
 * accesses come apart into bytes, where the device takes part in them.
 */
#include "rootpart/worker/ports.h"

#include "rootpart/worker/machine.h"

struct port_range {
	u16 first;
	u16 count;
	/*
	 * Takes part in accesses of more than a byte. The reset register does
	 * not: it lies within PCI's configuration address, a double word.
	 */
	bool wide;
	u8 (*read)(struct machine *m, u16 port);
	void (*write)(struct machine *m, u16 port, u8 v);
};

static u8 read_uart(struct machine *m, u16 port)
{
	u8 v = uart_read(&m->uart, (u16)(port - PORT_UART));

	machine_lines(m);
	return v;
}

static void write_uart(struct machine *m, u16 port, u8 v)
{
	uart_write(&m->uart, (u16)(port - PORT_UART), v);
	machine_lines(m);
}

static u8 read_rtc(struct machine *m, u16 port)
{
	return rtc_read(&m->rtc, (u16)(port - PORT_RTC));
}

static void write_rtc(struct machine *m, u16 port, u8 v)
{
	rtc_write(&m->rtc, (u16)(port - PORT_RTC), v);
}

static u8 read_power(struct machine *m, u16 port)
{
	return power_read(&m->power, port);
}

static void write_power(struct machine *m, u16 port, u8 v)
{
	power_write(&m->power, port, v);
}

static u8 read_zero(struct machine *m, u16 port)
{
	(void)m;
	(void)port;
	return 0;
}

static void write_nothing(struct machine *m, u16 port, u8 v)
{
	(void)m;
	(void)port;
	(void)v;
}

/* The ports used most stand first. */
static const struct port_range ranges[] = {
	{ PORT_UART, 8, true, read_uart, write_uart },
	{ PORT_RTC, 2, true, read_rtc, write_rtc },
	{ PORT_SYSTEM_B, 1, true, read_zero, write_nothing },
	{ PORT_KEYBOARD, 1, false, read_power, write_power },
	{ PORT_SLEEP_CONTROL, 2, false, read_power, write_power },
	{ PORT_RESET, 1, false, read_power, write_power },
	{ PORT_TEST_SHUTDOWN, 1, false, read_power, write_power },
};

/* NULL: nobody answers to this byte of an access of @size. */
static const struct port_range *range_of(u32 port, u8 size)
{
	for (u32 i = 0; i < ARRAY_SIZE(ranges); i++)
		if (port - ranges[i].first < ranges[i].count)
			return ranges[i].wide || size == 1 ? &ranges[i] : NULL;
	return NULL;
}

u32 port_read(struct machine *m, u16 port, u8 size)
{
	u32 v = 0;

	for (u32 i = 0; i < size; i++) {
		const struct port_range *r = range_of(port + i, size);

		v |= (u32)(r != NULL ? r->read(m, (u16)(port + i)) : 0xff) << (8 * i);
	}
	return v;
}

void port_write(struct machine *m, u16 port, u8 size, u32 v)
{
	for (u32 i = 0; i < size; i++) {
		const struct port_range *r = range_of(port + i, size);

		if (r != NULL)
			r->write(m, (u16)(port + i), (u8)(v >> (8 * i)));
	}
}
