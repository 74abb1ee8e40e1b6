/* SPDX-License-Identifier: MIT */
/*
 * A 16550A serial port, the child's console. It sends at once: what was written
 * waits in tx until console.c hands it over. Bytes typed wait behind the
 * receive FIFO until there is room in it. The whole state is in struct uart.
 * National Semiconductor PC16550D data sheet.
 */
#pragma once

#include "base/types.h"

#define UART_TX_SIZE 128u
#define UART_TX_DUE  64u /* more are not kept back for a line's end */
#define UART_RX_SIZE 4096u

struct uart {
	u8 ier;
	u8 fcr; /* bit 0 and the trigger level; its other bits are commands */
	u8 lcr;
	u8 mcr;
	u8 scr;
	u8 dll;
	u8 dlm;
	u8 lsr_error;   /* overrun */
	u8 msr_delta;   /* bits 3:0 of MSR */
	bool thr_empty; /* not yet told by IIR */
	bool tx_line;   /* tx has the end of a line */
	u32 tx_count;
	u8 tx[UART_TX_SIZE];
	u32 rx_first;
	u32 rx_count; /* in the FIFO and behind it */
	u8 rx[UART_RX_SIZE];
};

/* Registers by their offset, 0 to 7. Nobody writes while tx is full. */
u8 uart_read(struct uart *u, u16 offset);
void uart_write(struct uart *u, u16 offset, u8 v);

/* Bytes from the other end. What does not fit is lost, as LSR tells. */
void uart_receive(struct uart *u, const u8 *bytes, u32 count);
/* Whether tx should be handed over now. */
bool uart_output_due(const struct uart *u);
/* The interrupt line: what IER allows is pending, and OUT2 lets it through. */
bool uart_line(const struct uart *u);
