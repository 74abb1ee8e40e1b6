/* SPDX-License-Identifier: MIT */
/*
 * 16550 registers. Under the console's lock, any VP; while dying without.
 * National PC16550D data sheet.
 */
#include "rootpart/serial.h"

#include "x86/cpu.h"
#include "x86/io.h"

#define UART_DATA    0u
#define UART_IER     1u
#define UART_IIR     2u /* read */
#define UART_FCR     2u /* write */
#define UART_LCR     3u
#define UART_MCR     4u
#define UART_LSR     5u
#define UART_SCRATCH 7u

#define IER_RECEIVE  0x01u
#define IER_ROOM     0x02u
#define IIR_NONE     0x01u
#define IIR_FIFO     0xc0u
#define FCR_ENABLE   0x01u /* receive interrupt at each byte */
#define LCR_8N1      0x03u
#define LCR_DIVISOR  0x80u
#define MCR_DTR      0x01u
#define MCR_RTS      0x02u
#define MCR_OUT2     0x08u /* connects the interrupt line on a PC */
#define LSR_DATA     0x01u
#define LSR_EMPTY    0x20u
#define LSR_IDLE     0x40u
#define NO_UART      0xffu

#define FIFO_SIZE    16u
#define POLLS_MAX    100000u
#define COM1_PORT    0x3f8u
#define COM2_PORT    0x2f8u
#define COM3_PORT    0x3e8u

static struct {
	u16 port; /* 0: none */
	u32 fifo; /* bytes to be sent at once */
	u8 ier;
	bool interrupts;
} uart;

static u8 get(u32 reg)
{
	return in8((u16)(uart.port + reg));
}

static void set(u32 reg, u8 v)
{
	out8((u16)(uart.port + reg), v);
}

static void set_ier(u8 ier)
{
	if (uart.ier != ier)
		set(UART_IER, ier);
	uart.ier = ier;
}

bool serial_init(u16 port)
{
	uart.port = port;
	uart.interrupts = false;
	if (port == 0)
		return false;
	if (get(UART_LSR) == NO_UART) {
		uart.port = 0;
		return false;
	}
	uart.ier = 0;
	set(UART_IER, 0);
	set(UART_LCR, LCR_DIVISOR);
	set(UART_DATA, 1); /* 115200 baud */
	set(UART_IER, 0);
	set(UART_LCR, LCR_8N1);
	/* The FIFOs are not cleared: what waits there belongs to somebody. */
	set(UART_FCR, FCR_ENABLE);
	uart.fifo = (get(UART_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_SIZE : 1;
	set(UART_MCR, MCR_DTR | MCR_RTS);
	return true;
}

bool serial_present(void)
{
	return uart.port != 0;
}

u32 serial_irq_line(void)
{
	return uart.port == COM1_PORT || uart.port == COM3_PORT ? 4 : 3;
}

void serial_enable_interrupts(void)
{
	uart.interrupts = true;
	set(UART_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
	set_ier(IER_RECEIVE);
}

bool serial_pending(void)
{
	return uart.port != 0 && !(get(UART_IIR) & IIR_NONE);
}

u32 serial_room(void)
{
	return get(UART_LSR) & LSR_EMPTY ? uart.fifo : 0;
}

static bool wait_status(u8 status)
{
	for (u32 i = 0; i < POLLS_MAX; i++) {
		if (get(UART_LSR) & status)
			return true;
		cpu_pause();
	}
	return false;
}

bool serial_wait_room(void)
{
	return wait_status(LSR_EMPTY);
}

void serial_wait_idle(void)
{
	if (uart.port != 0)
		(void)wait_status(LSR_IDLE);
}

void serial_send(u8 byte)
{
	set(UART_DATA, byte);
}

void serial_notify_room(bool on)
{
	if (uart.interrupts)
		set_ier((u8)((uart.ier & ~IER_ROOM) | (on ? IER_ROOM : 0)));
}

bool serial_receive(u8 *byte)
{
	if (uart.port == 0 || !(get(UART_LSR) & LSR_DATA))
		return false;
	*byte = get(UART_DATA);
	return true;
}

void serial_hold(bool on)
{
	u8 mcr = MCR_DTR | MCR_OUT2 | (on ? 0 : MCR_RTS);

	set(UART_MCR, mcr);
	set_ier((u8)((uart.ier & ~IER_RECEIVE) | (on ? 0 : IER_RECEIVE)));
}
