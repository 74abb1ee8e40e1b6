/* SPDX-License-Identifier: MIT */
/*
 * A child's IOAPIC from its registers to its local APIC, with the serial port
 * as device: its line is asserted while the holding register's interrupt is
 * enabled and not told. An edge comes once per change; a level comes again
 * after each EOI until the line falls, which takes the way through worker, root and hypervisor
 * and back.
 * machines: none
 * child: svm-smp1-bios vmx-smp1
 */
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/io.h"
#include "x86/msr.h"

#define IOAPIC       0xfec00000ull
#define IOAPIC_EOI   0x40u
#define PIN          4u
#define UART_IER     0x3f9u
#define UART_IIR     0x3fau
#define UART_MCR     0x3fcu
#define IER_THR      0x02u
#define MCR_OUT2     0x08u
#define REMOTE_IRR   BIT(14)
#define VECTOR       0x51u
#define OTHER_VECTOR 0x52u
#define LEVELS       5u
#define PATIENCE_US  2000000u

static u32 interrupts, others;
static u32 levels_left; /* until the handler makes the line fall */

static void reg_write(u32 reg, u32 v)
{
	*(volatile u32 *)(IOAPIC + IOAPIC_REG_SELECT) = reg;
	*(volatile u32 *)(IOAPIC + IOAPIC_REG_WINDOW) = v;
}

static u32 reg_read(u32 reg)
{
	*(volatile u32 *)(IOAPIC + IOAPIC_REG_SELECT) = reg;
	return *(volatile u32 *)(IOAPIC + IOAPIC_REG_WINDOW);
}

static void program(u32 low)
{
	reg_write(IOAPIC_RTE(PIN) + 1, 0);
	reg_write(IOAPIC_RTE(PIN), low);
}

static void line_up(void)
{
	out8(UART_IER, 0);
	out8(UART_IER, IER_THR);
}

static void line_down(void)
{
	out8(UART_IER, 0);
}

static void eoi(void)
{
	msr_write(MSR_X2APIC(APIC_EOI), 0);
}

static void on_edge(u8 vector)
{
	(void)vector;
	store_relaxed(&interrupts, interrupts + 1);
	eoi();
}

/* The line stays up until the last of them. */
static void on_level(u8 vector)
{
	(void)vector;
	store_relaxed(&interrupts, interrupts + 1);
	if (--levels_left == 0)
		line_down();
	eoi();
}

static void on_other(u8 vector)
{
	(void)vector;
	store_relaxed(&others, others + 1);
	eoi();
}

/* Waits until there were @count interrupts; those that come too late do not count. */
static bool came(const u32 *counter, u32 count)
{
	u64 end = rdtsc() + guest_tsc_hz() / 1000000 * PATIENCE_US;

	irq_enable();
	while (load_relaxed(counter) < count && rdtsc() < end)
		cpu_pause();
	irq_disable();
	return load_relaxed(counter) == count;
}

/* Long enough for one that should not come: accesses that a worker answers lie between. */
static bool no_more(const u32 *counter, u32 count)
{
	irq_enable();
	for (u32 i = 0; i < 20; i++)
		(void)reg_read(IOAPIC_VERSION);
	irq_disable();
	return load_relaxed(counter) == count;
}

static void registers(void)
{
	u32 version = reg_read(IOAPIC_VERSION);

	guest_check(version == 0x00170020, "version", "0x%x", version);
	reg_write(IOAPIC_RTE(23u), 0xffffffff);
	guest_check(
		reg_read(IOAPIC_RTE(23u)) == 0x1afff, "bits", "0x%x", reg_read(IOAPIC_RTE(23u)));
	reg_write(IOAPIC_RTE(23u), (u32)IOAPIC_RTE_MASKED);
	*(volatile u8 *)IOAPIC = IOAPIC_VERSION;
	guest_check(
		*(volatile u32 *)IOAPIC == IOAPIC_VERSION, "byte", "0x%x", *(volatile u32 *)IOAPIC);
	guest_check(*(volatile u64 *)(IOAPIC + 0x20) == ~0ull, "nothing");
}

static void edges(void)
{
	guest_on_interrupt(VECTOR, on_edge);
	interrupts = 0;
	program(VECTOR);
	line_up();
	guest_check(came(&interrupts, 1), "edge", "%u interrupts", interrupts);
	guest_check(no_more(&interrupts, 1), "once", "%u interrupts", interrupts);
	line_down();
	line_up();
	guest_check(came(&interrupts, 2), "again", "%u interrupts", interrupts);
	/* The port's own way to end it. */
	(void)in8(UART_IIR);
	line_up();
	guest_check(came(&interrupts, 3), "told", "%u interrupts", interrupts);
	line_down();
	program(VECTOR | (u32)IOAPIC_RTE_MASKED);
	line_up();
	guest_check(no_more(&interrupts, 3), "masked", "%u interrupts", interrupts);
	line_down();
}

static void levels(void)
{
	guest_on_interrupt(VECTOR, on_level);
	interrupts = 0;
	levels_left = LEVELS;
	program(VECTOR | (u32)IOAPIC_RTE_LEVEL);
	line_up();
	guest_check(came(&interrupts, LEVELS), "levels", "%u interrupts", interrupts);
	guest_check(no_more(&interrupts, LEVELS), "level ends", "%u interrupts", interrupts);
	guest_check(!(reg_read(IOAPIC_RTE(PIN)) & REMOTE_IRR), "no remote IRR", "0x%x",
		reg_read(IOAPIC_RTE(PIN)));
	/* Masked while it waits for its end. */
	levels_left = 2;
	line_up();
	guest_check(reg_read(IOAPIC_RTE(PIN)) & REMOTE_IRR, "remote IRR", "0x%x",
		reg_read(IOAPIC_RTE(PIN)));
	program(VECTOR | (u32)(IOAPIC_RTE_LEVEL | IOAPIC_RTE_MASKED));
	guest_check(came(&interrupts, LEVELS + 1), "was sent", "%u interrupts", interrupts);
	guest_check(no_more(&interrupts, LEVELS + 1), "level masked", "%u interrupts", interrupts);
	program(VECTOR | (u32)IOAPIC_RTE_LEVEL);
	guest_check(came(&interrupts, LEVELS + 2), "unmasked", "%u interrupts", interrupts);
}

/* By logical destination and lowest priority, and to a vector of its own. */
static void others_modes(void)
{
	u32 ldr = (u32)msr_read(MSR_X2APIC(APIC_LDR));

	guest_on_interrupt(OTHER_VECTOR, on_other);
	others = 0;
	reg_write(IOAPIC_RTE(PIN) + 1, (ldr & 0xff) << 24);
	reg_write(IOAPIC_RTE(PIN), OTHER_VECTOR | 0x900);
	line_up();
	guest_check(came(&others, 1), "logical", "%u interrupts, ldr 0x%x", others, ldr);
	line_down();
	program((u32)IOAPIC_RTE_MASKED);
}

void guest_main(void)
{
	msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	msr_write(MSR_X2APIC(APIC_SVR), APIC_SVR_ENABLE | 0xff);
	out8(UART_MCR, MCR_OUT2);
	registers();
	edges();
	levels();
	others_modes();
	guest_done();
}
