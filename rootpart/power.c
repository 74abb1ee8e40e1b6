/* SPDX-License-Identifier: MIT */
/*
 * Soft off by the PM1 control registers, and reset by whatever way the
 * machine has. ACPI mode is switched on only now that it is needed: before,
 * the firmware may keep its power button. ACPI 6.5, 4.8.3 and 16.1.
 */
#include "rootpart/power.h"

#include "lib/cmdline.h"
#include "rootpart/boot_modules.h"
#include "rootpart/console.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/firmware.h"
#include "rootpart/paging.h"
#include "rootpart/time.h"
#include "rootpart/volume.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/io.h"

#define PM1_SCI_EN         BIT(0)
#define PM1_SLP_TYP(t)     ((u16)(t) << 10)
#define PM1_SLP_TYP_MASK   PM1_SLP_TYP(7)
#define PM1_SLP_EN         BIT(13)

#define TEST_EXIT_PORT     0xf4
#define RESET_CONTROL      0xcf9
#define RESET_FULL         0x02u
#define RESET_FULL_NOW     0x06u
#define KBD_STATUS         0x64
#define KBD_INPUT_FULL     0x02u
#define KBD_PULSE_RESET    0xfeu

#define ACPI_MODE_LIMIT_NS (3 * NS_PER_S)
#define POWER_LIMIT_NS     NS_PER_S
#define RESET_LIMIT_NS     (50 * NS_PER_MS)

static struct acpi_s5 s5;
static bool have_s5;
static const char *no_s5 = "no ACPI tables";

void power_init(void)
{
	const struct acpi_fadt *fadt = firmware_fadt();

	if (fadt == NULL)
		return;
	if (fadt->pm1a_control.addr == 0) {
		no_s5 = "no PM1 control register";
		return;
	}
	have_s5 = acpi_s5_find(firmware_acpi(), fadt, &s5, &no_s5) == 0;
}

static volatile u16 *memory_register(const struct acpi_register *r)
{
	return paging_map_device(r->addr, sizeof(u16), PAGING_DEVICE);
}

static u16 pm1_read(const struct acpi_register *r)
{
	const volatile u16 *p;

	if (r->space == ACPI_SPACE_IO)
		return in16((u16)r->addr);
	p = memory_register(r);
	return p != NULL ? *p : 0;
}

static void pm1_write(const struct acpi_register *r, u16 v)
{
	volatile u16 *p;

	if (r->space == ACPI_SPACE_IO) {
		out16((u16)r->addr, v);
		return;
	}
	p = memory_register(r);
	if (p != NULL)
		*p = v;
}

static void acpi_mode_on(const struct acpi_fadt *fadt)
{
	u64 limit = time_ns() + ACPI_MODE_LIMIT_NS;

	if (fadt->smi_cmd == 0 || (pm1_read(&fadt->pm1a_control) & PM1_SCI_EN))
		return;
	out8(fadt->smi_cmd, fadt->acpi_enable);
	while (!(pm1_read(&fadt->pm1a_control) & PM1_SCI_EN) && time_ns() < limit)
		cpu_pause();
}

static u16 pm1_value(const struct acpi_register *r, u8 type)
{
	return (u16)((pm1_read(r) & ~PM1_SLP_TYP_MASK) | PM1_SLP_TYP(type));
}

/* Both registers get the type first; the machine goes off at the last write. */
static void enter_s5(const struct acpi_fadt *fadt)
{
	const struct acpi_register *a = &fadt->pm1a_control;
	const struct acpi_register *b = &fadt->pm1b_control;
	u16 va = pm1_value(a, s5.slp_typ_a);

	pm1_write(a, va);
	if (b->addr != 0) {
		u16 vb = pm1_value(b, s5.slp_typ_b);

		pm1_write(b, vb);
		pm1_write(b, (u16)(vb | PM1_SLP_EN));
	}
	pm1_write(a, (u16)(va | PM1_SLP_EN));
}

static _Noreturn void halt_here(void)
{
	irq_disable();
	for (;;)
		cpu_halt();
}

void power_off(void)
{
	const char *why = no_s5;

	volumes_stop();
	drivers_shutdown();
	console_flush();
	if (cmdline_get(boot_cmdline(), "test-exit", NULL, 0) == 0)
		out8(TEST_EXIT_PORT, 1);
	irq_disable();
	if (have_s5) {
		acpi_mode_on(firmware_fadt());
		enter_s5(firmware_fadt());
		time_spin_ns(POWER_LIMIT_NS);
		why = "the firmware did not react";
	}
	/* No interrupt will send what is written from now on. */
	console_panic_mode();
	console_printf("power: this machine cannot switch itself off (%s); "
		       "it is safe to do so now\n",
		why);
	halt_here();
}

static void reset_by_fadt(void)
{
	const struct acpi_fadt *fadt = firmware_fadt();
	volatile u8 *p;

	if (fadt == NULL || fadt->reset.addr == 0)
		return;
	if (fadt->reset.space == ACPI_SPACE_IO) {
		out8((u16)fadt->reset.addr, fadt->reset_value);
	} else if (fadt->reset.space == ACPI_SPACE_MEMORY) {
		p = paging_map_device(fadt->reset.addr, 1, PAGING_DEVICE);
		if (p != NULL)
			*p = fadt->reset_value;
	} else {
		return;
	}
	time_spin_ns(RESET_LIMIT_NS);
}

static void reset_by_chipset(void)
{
	out8(RESET_CONTROL, RESET_FULL);
	out8(RESET_CONTROL, RESET_FULL_NOW);
	time_spin_ns(RESET_LIMIT_NS);
}

static void reset_by_keyboard(void)
{
	u64 limit = time_ns() + RESET_LIMIT_NS;

	while ((in8(KBD_STATUS) & KBD_INPUT_FULL) && time_ns() < limit)
		cpu_pause();
	out8(KBD_STATUS, KBD_PULSE_RESET);
	time_spin_ns(RESET_LIMIT_NS);
}

/* An exception without an IDT ends the processor, and the machine with it. */
static _Noreturn void reset_by_triple_fault(void)
{
	const struct desc_ptr none = { 0 };

	idt_load(&none);
	__builtin_trap();
}

void power_reboot(void)
{
	volumes_stop();
	drivers_shutdown();
	console_flush();
	irq_disable();
	reset_by_fadt();
	reset_by_chipset();
	reset_by_keyboard();
	reset_by_triple_fault();
}
