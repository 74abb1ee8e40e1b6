/* SPDX-License-Identifier: MIT */
/*
 * The UART of the console, a 16550 or what passes for one: registers only.
 * What is sent and where input goes is console.c's. Calls are serialised by
 * the console's lock.
 */
#pragma once

#include "base/types.h"

/*
 * Sets the UART at I/O port @port (0: none) to 115200 8N1 with FIFOs,
 * interrupts off. Returns false if there is none.
 */
bool serial_init(u16 port);
bool serial_present(void);
/* The ISA interrupt line that the port has by convention. */
u32 serial_irq_line(void);
/* Lets the UART interrupt: for input now, for output when asked. */
void serial_enable_interrupts(void);
/* True while the UART has something that it would interrupt for. */
bool serial_pending(void);

/* Bytes that can be sent at once; 0 while it is busy. */
u32 serial_room(void);
/* Waits until serial_room() is not 0, or 100,000 polls long; false then. */
bool serial_wait_room(void);
void serial_send(u8 byte);
/* Waits until the last bit is on the line, as long at most. */
void serial_wait_idle(void);
/* Whether it interrupts when there is room. Does nothing before
 * serial_enable_interrupts(). */
void serial_notify_room(bool on);

/* Takes a byte out of the receiver, if one is there. */
bool serial_receive(u8 *byte);
/* Holds the sender back by RTS, and interrupts for input. */
void serial_hold(bool on);
