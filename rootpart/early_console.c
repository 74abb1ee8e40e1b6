/* SPDX-License-Identifier: MIT */
/*
 * Polled output on a 16550 UART: what the kernel has before the real console
 * is up, and when it dies without one. Any VP, any context; one lock.
 * National PC16550D data sheet.
 */
#include "rootpart/console.h"

#include "rootpart/lock.h"
#include "x86/cpu.h"
#include "x86/io.h"

#define UART_DATA        0
#define UART_IER         1
#define UART_FCR         2
#define UART_LCR         3
#define UART_MCR         4
#define UART_LSR         5
#define UART_LCR_8N1     0x03u
#define UART_LCR_DLAB    0x80u
#define UART_LSR_EMPTY   0x20u
#define UART_LSR_IDLE    0x40u
#define UART_MCR_DTR_RTS 0x03u
#define UART_FCR_ENABLE  0x01u

/* A UART that never gets empty must not stop the machine. */
#define UART_POLL_MAX 100000u

static u16 uart;
static struct spinlock lock;

void early_console_init(u16 port)
{
	uart = port;
	if (uart == 0)
		return;
	out8((u16)(uart + UART_IER), 0);
	out8((u16)(uart + UART_LCR), UART_LCR_DLAB);
	out8((u16)(uart + UART_DATA), 1); /* 115200 baud */
	out8((u16)(uart + UART_IER), 0);
	out8((u16)(uart + UART_LCR), UART_LCR_8N1);
	/* The FIFOs are not cleared: what was typed early is kept. */
	out8((u16)(uart + UART_FCR), UART_FCR_ENABLE);
	out8((u16)(uart + UART_MCR), UART_MCR_DTR_RTS);
}

static void uart_wait(u8 status)
{
	for (u32 i = 0; i < UART_POLL_MAX; i++) {
		if (in8((u16)(uart + UART_LSR)) & status)
			break;
		cpu_pause();
	}
}

static void uart_put(char c)
{
	uart_wait(UART_LSR_EMPTY);
	out8((u16)(uart + UART_DATA), (u8)c);
}

void early_console_write_panic(const char *text, size_t len)
{
	if (uart == 0)
		return;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			uart_put('\r');
		uart_put(text[i]);
	}
}

void early_console_write(const char *text, size_t len)
{
	u64 flags = lock_irq(&lock);

	early_console_write_panic(text, len);
	unlock_irq(&lock, flags);
}

void early_console_flush(void)
{
	if (uart != 0)
		uart_wait(UART_LSR_IDLE);
}
