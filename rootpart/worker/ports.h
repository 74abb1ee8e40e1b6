/* SPDX-License-Identifier: MIT */
/*
 * The child's I/O ports. Ports that are not here read as ones and drop what is
 * written, among them 0xE9, 0xF4, PCI configuration, the 8259 and the 8253.
 */
#pragma once

#include "base/types.h"

#define PORT_SYSTEM_B      0x61u   /* NMI reasons: none */
#define PORT_KEYBOARD      0x64u   /* 0xFE resets; there is no keyboard */
#define PORT_RTC           0x70u   /* index and data */
#define PORT_UART          0x3f8u  /* COM1, 8 ports */
#define PORT_SLEEP_CONTROL 0x600u  /* ACPI sleep control register */
#define PORT_SLEEP_STATUS  0x601u  /* ACPI sleep status register */
#define PORT_RESET         0xcf9u  /* reset control, accessed by single bytes alone */
#define PORT_TEST_SHUTDOWN 0x8900u /* "Shutdown" switches off: for test kernels */

struct machine;

/* An access of @size 1, 2 or 4 bytes, as the processor's to the bus. */
u32 port_read(struct machine *m, u16 port, u8 size);
void port_write(struct machine *m, u16 port, u8 size, u32 v);
