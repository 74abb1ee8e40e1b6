/* SPDX-License-Identifier: MIT */
/*
 * Registers of the serial port. Line speed and format are remembered and mean
 * nothing, so there is no waiting: fewer bytes than the trigger level are
 * told as a character time-out at once.
 */
#include "rootpart/worker/uart.h"

#define REG_DATA       0
#define REG_IER        1
#define REG_IIR_FCR    2
#define REG_LCR        3
#define REG_MCR        4
#define REG_LSR        5
#define REG_MSR        6
#define REG_SCR        7

#define IER_RX         0x01u
#define IER_THR        0x02u
#define IER_LINE       0x04u
#define IER_MODEM      0x08u
#define IER_MASK       0x0fu

#define IIR_NONE       0x01u
#define IIR_MODEM      0x00u
#define IIR_THR        0x02u
#define IIR_RX         0x04u
#define IIR_LINE       0x06u
#define IIR_TIMEOUT    0x0cu
#define IIR_FIFO       0xc0u

#define FCR_ENABLE     0x01u
#define FCR_CLEAR_RX   0x02u
#define FCR_KEPT       0xc1u

#define LCR_DLAB       0x80u

#define MCR_DTR        0x01u
#define MCR_RTS        0x02u
#define MCR_OUT1       0x04u
#define MCR_OUT2       0x08u
#define MCR_LOOP       0x10u
#define MCR_MASK       0x1fu

#define LSR_READY      0x01u
#define LSR_OVERRUN    0x02u
#define LSR_TX_EMPTY   0x60u

#define MSR_DELTA_CTS  0x01u
#define MSR_DELTA_DSR  0x02u
#define MSR_RI_ENDS    0x04u
#define MSR_DELTA_DCD  0x08u
#define MSR_CTS        0x10u
#define MSR_DSR        0x20u
#define MSR_RI         0x40u
#define MSR_DCD        0x80u
#define MSR_DELTA_MASK 0x0fu

#define FIFO_SIZE      16u

/* Bytes that the receiver holds for the driver; more wait behind them. */
static u32 received(const struct uart *u)
{
	return MIN(u->rx_count, u->fcr & FCR_ENABLE ? FIFO_SIZE : 1u);
}

static void rx_drop(struct uart *u, u32 count)
{
	u->rx_first = (u->rx_first + count) % UART_RX_SIZE;
	u->rx_count -= count;
}

static u8 rx_take(struct uart *u)
{
	u8 v = u->rx[u->rx_first];

	if (u->rx_count == 0)
		return 0;
	rx_drop(u, 1);
	return v;
}

void uart_receive(struct uart *u, const u8 *bytes, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		if (u->rx_count == UART_RX_SIZE) {
			u->lsr_error |= LSR_OVERRUN;
			return;
		}
		u->rx[(u->rx_first + u->rx_count++) % UART_RX_SIZE] = bytes[i];
	}
}

/* The modem's answer: always there and ready, or our own lines in a loop. */
static u8 modem_status(const struct uart *u)
{
	u8 v = 0;

	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (u->mcr & MCR_RTS)
		v |= MSR_CTS;
	if (u->mcr & MCR_DTR)
		v |= MSR_DSR;
	if (u->mcr & MCR_OUT1)
		v |= MSR_RI;
	if (u->mcr & MCR_OUT2)
		v |= MSR_DCD;
	return v;
}

static void mcr_write(struct uart *u, u8 v)
{
	u8 before = modem_status(u);
	u8 changed;

	u->mcr = v & MCR_MASK;
	changed = before ^ modem_status(u);
	if (changed & MSR_CTS)
		u->msr_delta |= MSR_DELTA_CTS;
	if (changed & MSR_DSR)
		u->msr_delta |= MSR_DELTA_DSR;
	if (changed & before & MSR_RI)
		u->msr_delta |= MSR_RI_ENDS;
	if (changed & MSR_DCD)
		u->msr_delta |= MSR_DELTA_DCD;
}

/* Turning the FIFO on or off empties it, too. What waits behind it stays. */
static void fcr_write(struct uart *u, u8 v)
{
	bool toggled = (v ^ u->fcr) & FCR_ENABLE;

	if (toggled || (v & FCR_ENABLE && v & FCR_CLEAR_RX))
		rx_drop(u, received(u));
	u->fcr = v & FCR_ENABLE ? v & FCR_KEPT : 0;
}

static void transmit(struct uart *u, u8 v)
{
	u->thr_empty = true;
	if (u->mcr & MCR_LOOP) {
		uart_receive(u, &v, 1);
		return;
	}
	if (u->tx_count == UART_TX_SIZE)
		return;
	u->tx[u->tx_count++] = v;
	u->tx_line |= v == '\n';
}

bool uart_output_due(const struct uart *u)
{
	return u->tx_line || u->tx_count >= UART_TX_DUE;
}

static u8 rx_cause(const struct uart *u)
{
	static const u8 levels[] = { 1, 4, 8, 14 };

	if (!(u->fcr & FCR_ENABLE) || received(u) >= levels[u->fcr >> 6])
		return IIR_RX;
	return IIR_TIMEOUT;
}

/* The most important reason for an interrupt. */
static u8 cause(const struct uart *u)
{
	if (u->ier & IER_LINE && u->lsr_error)
		return IIR_LINE;
	if (u->ier & IER_RX && u->rx_count > 0)
		return rx_cause(u);
	if (u->ier & IER_THR && u->thr_empty)
		return IIR_THR;
	if (u->ier & IER_MODEM && u->msr_delta)
		return IIR_MODEM;
	return IIR_NONE;
}

bool uart_line(const struct uart *u)
{
	return cause(u) != IIR_NONE && (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
}

static u8 iir_read(struct uart *u)
{
	u8 v = cause(u);

	if (v == IIR_THR)
		u->thr_empty = false;
	return v | (u->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static u8 lsr_read(struct uart *u)
{
	u8 v = LSR_TX_EMPTY | u->lsr_error | (u->rx_count > 0 ? LSR_READY : 0);

	u->lsr_error = 0;
	return v;
}

static u8 msr_read(struct uart *u)
{
	u8 v = modem_status(u) | u->msr_delta;

	u->msr_delta = 0;
	return v;
}

u8 uart_read(struct uart *u, u16 offset)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (offset) {
	case REG_DATA:
		return dlab ? u->dll : rx_take(u);
	case REG_IER:
		return dlab ? u->dlm : u->ier;
	case REG_IIR_FCR:
		return iir_read(u);
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return lsr_read(u);
	case REG_MSR:
		return msr_read(u);
	default:
		return u->scr;
	}
}

static void ier_write(struct uart *u, u8 v)
{
	/* An empty holding register is news again for who begins to listen. */
	if (v & ~u->ier & IER_THR)
		u->thr_empty = true;
	u->ier = v & IER_MASK;
}

void uart_write(struct uart *u, u16 offset, u8 v)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (offset) {
	case REG_DATA:
		if (dlab)
			u->dll = v;
		else
			transmit(u, v);
		break;
	case REG_IER:
		if (dlab)
			u->dlm = v;
		else
			ier_write(u, v);
		break;
	case REG_IIR_FCR:
		fcr_write(u, v);
		break;
	case REG_LCR:
		u->lcr = v;
		break;
	case REG_MCR:
		mcr_write(u, v);
		break;
	case REG_SCR:
		u->scr = v;
		break;
	default: /* LSR and MSR are read only */
		break;
	}
}
