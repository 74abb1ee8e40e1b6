/* SPDX-License-Identifier: MIT */
/*
 * The child's IOAPIC: 24 pins, registers in one page. Lines are asserted or
 * not, whatever polarity the child programs. What a pin sends goes to the
 * hypervisor; the EOI of a level interrupt comes back as an event. The whole
 * state is in struct ioapic. Intel 82093AA data sheet; its successors' EOI register.
 */
#pragma once

#include "base/types.h"

#define IOAPIC_BASE     0xfec00000ull
#define IOAPIC_PINS     24u
#define IOAPIC_PIN_UART 4u

struct ioapic {
	u8 select; /* the register in the window */
	u8 id;
	bool refusal_told;
	u32 asserted; /* lines, bit per pin */
	u64 entry[IOAPIC_PINS];
};

/* All pins masked. */
void ioapic_init(struct ioapic *io);
/* A register by its offset in the page; others read as ones and drop what is written. */
u32 ioapic_read(const struct ioapic *io, u32 offset);
void ioapic_write(struct ioapic *io, u32 offset, u32 v);
/* The state of a device's line. */
void ioapic_line(struct ioapic *io, u32 pin, bool asserted);
/* The child finished a level interrupt of @vector. */
void ioapic_eoi(struct ioapic *io, u8 vector);
