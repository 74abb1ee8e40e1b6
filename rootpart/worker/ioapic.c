/* SPDX-License-Identifier: MIT */
/*
 * Registers and pins. An edge is sent when it comes, or never if the pin is
 * masked then. A level is sent while its line is asserted, the pin is not
 * masked, and nothing that it sent waits for its EOI, which the remote IRR says.
 */
#include "rootpart/worker/ioapic.h"

#include "rootpart/worker/report.h"
#include "rootpart/worker/sys.h"
#include "worker/abi.h"
#include "x86/apic.h"

#define OFFSET_EOI         0x40u
#define REG_ARBITRATION    0x02u
#define VERSION            0x20u /* with an EOI register */

#define RTE_VECTOR(e)      ((u8)(e))
#define RTE_MODE(e)        ((u32)((e) >> 8) & 7)
#define RTE_LOGICAL        BIT(11)
#define RTE_REMOTE_IRR     BIT(14)
#define RTE_DESTINATION(e) ((u32)((e) >> 56))
#define RTE_WRITABLE       0xff0000000001afffull /* all but reserved and read-only bits */

#define VECTOR_FIRST       16u

void ioapic_init(struct ioapic *io)
{
	*io = (struct ioapic){ .select = 0 };
	for (u32 i = 0; i < IOAPIC_PINS; i++)
		io->entry[i] = IOAPIC_RTE_MASKED;
}

/* Modes and vectors that no local APIC takes, or that need an 8259, go nowhere. */
static bool is_sent(u64 entry)
{
	switch (RTE_MODE(entry)) {
	case APIC_DM_FIXED:
	case APIC_DM_LOWEST:
		return RTE_VECTOR(entry) >= VECTOR_FIRST;
	case APIC_DM_NMI:
	case APIC_DM_INIT:
		return true;
	default:
		return false;
	}
}

/* False: it was not taken. */
static bool send(struct ioapic *io, u32 pin, bool level)
{
	u64 e = io->entry[pin];
	u32 how = RTE_MODE(e);
	int r;

	if (!is_sent(e))
		return false;
	if (level)
		how |= WORKER_INTERRUPT_LEVEL;
	if (e & RTE_LOGICAL)
		how |= WORKER_INTERRUPT_LOGICAL;
	r = sys_interrupt(RTE_DESTINATION(e), RTE_VECTOR(e), how);
	if (r != 0 && !io->refusal_told) {
		io->refusal_told = true;
		report("the interrupt of IOAPIC pin %u was refused (error %d): destination %u, "
		       "vector %u; more of these are not told",
			pin, -r, RTE_DESTINATION(e), RTE_VECTOR(e));
	}
	return r == 0;
}

static bool is_level(u64 entry)
{
	u32 mode = RTE_MODE(entry);

	return entry & IOAPIC_RTE_LEVEL && (mode == APIC_DM_FIXED || mode == APIC_DM_LOWEST);
}

/* Sends a level that is due. */
static void level_settle(struct ioapic *io, u32 pin)
{
	u64 e = io->entry[pin];

	if (!is_level(e) || e & (IOAPIC_RTE_MASKED | RTE_REMOTE_IRR) || !(io->asserted & BIT(pin)))
		return;
	if (send(io, pin, true))
		io->entry[pin] |= RTE_REMOTE_IRR;
}

void ioapic_line(struct ioapic *io, u32 pin, bool asserted)
{
	u32 before = io->asserted;
	u64 e = io->entry[pin];

	if (asserted)
		io->asserted |= (u32)BIT(pin);
	else
		io->asserted &= ~(u32)BIT(pin);
	if (is_level(e))
		level_settle(io, pin);
	else if (io->asserted & ~before && !(e & IOAPIC_RTE_MASKED))
		(void)send(io, pin, false);
}

void ioapic_eoi(struct ioapic *io, u8 vector)
{
	for (u32 i = 0; i < IOAPIC_PINS; i++) {
		if (!(io->entry[i] & RTE_REMOTE_IRR) || RTE_VECTOR(io->entry[i]) != vector)
			continue;
		io->entry[i] &= ~RTE_REMOTE_IRR;
		level_settle(io, i);
	}
}

static u32 window_read(const struct ioapic *io)
{
	u32 at = io->select - IOAPIC_RTE(0u);

	if (at < 2 * IOAPIC_PINS)
		return (u32)(io->entry[at / 2] >> 32 * (at % 2));
	switch (io->select) {
	case IOAPIC_ID:
	case REG_ARBITRATION:
		return (u32)io->id << 24;
	case IOAPIC_VERSION:
		return (IOAPIC_PINS - 1) << 16 | VERSION;
	default:
		return 0;
	}
}

u32 ioapic_read(const struct ioapic *io, u32 offset)
{
	switch (offset) {
	case IOAPIC_REG_SELECT:
		return io->select;
	case IOAPIC_REG_WINDOW:
		return window_read(io);
	default:
		return ~0u;
	}
}

static void entry_write(struct ioapic *io, u32 pin, bool high, u32 v)
{
	u64 mask = high ? 0xffffffff00000000ull : 0xffffffffull;
	u64 e = io->entry[pin];

	mask &= RTE_WRITABLE;
	e = (e & ~mask) | ((u64)v << (high ? 32 : 0) & mask);
	/* An edge waits for no EOI. */
	if (!is_level(e))
		e &= ~RTE_REMOTE_IRR;
	io->entry[pin] = e;
	level_settle(io, pin);
}

static void window_write(struct ioapic *io, u32 v)
{
	u32 at = io->select - IOAPIC_RTE(0u);

	if (at < 2 * IOAPIC_PINS)
		entry_write(io, at / 2, at % 2, v);
	else if (io->select == IOAPIC_ID)
		io->id = v >> 24 & 15;
}

void ioapic_write(struct ioapic *io, u32 offset, u32 v)
{
	switch (offset) {
	case IOAPIC_REG_SELECT:
		io->select = (u8)v;
		break;
	case IOAPIC_REG_WINDOW:
		window_write(io, v);
		break;
	case OFFSET_EOI:
		ioapic_eoi(io, (u8)v);
		break;
	default:
		break;
	}
}
