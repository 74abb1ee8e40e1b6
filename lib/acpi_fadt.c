/* SPDX-License-Identifier: MIT */
/*
 * FADT: the fixed hardware (PM1 blocks, PM timer, reset register) and the
 * address of the DSDT. It reads the table only, no register.
 * ACPI 6.5, section 5.2.9.
 */
#include "base/errno.h"
#include "lib/acpi.h"
#include "lib/acpi_internal.h"
#include "lib/string.h"

#define PORT_MAX 0xFFFFu

/* The X_ form if it has an address, else the I/O port of ACPI 1.0 with @len bytes. */
static struct acpi_register acpi_register_of(const struct acpi_gas *x, u32 port, u8 len)
{
	if (x->address)
		return (struct acpi_register){ x->space,
			x->bit_width ? x->bit_width : (u8)(len * 8), x->address };
	if (port && len)
		return (struct acpi_register){ ACPI_SPACE_IO, (u8)(len * 8), port };
	return (struct acpi_register){ 0 };
}

static void acpi_fadt_fixed_hardware(const struct acpi_table_fadt *f, struct acpi_fadt *out)
{
	u8 counting = f->flags & ACPI_FADT_TIMER_32BIT ? 32 : 24;

	out->pm1a_event = acpi_register_of(&f->x_pm1a_evt_blk, f->pm1a_evt_blk, f->pm1_evt_len);
	out->pm1b_event = acpi_register_of(&f->x_pm1b_evt_blk, f->pm1b_evt_blk, f->pm1_evt_len);
	out->pm1a_control = acpi_register_of(&f->x_pm1a_cnt_blk, f->pm1a_cnt_blk, f->pm1_cnt_len);
	out->pm1b_control = acpi_register_of(&f->x_pm1b_cnt_blk, f->pm1b_cnt_blk, f->pm1_cnt_len);
	out->pm_timer = acpi_register_of(&f->x_pm_tmr_blk, f->pm_tmr_blk, f->pm_tmr_len);
	out->pm_timer.bits = out->pm_timer.addr ? counting : 0;
	out->sci = f->sci_int;
	if (f->smi_cmd > PORT_MAX)
		return;
	out->smi_cmd = (u16)f->smi_cmd;
	out->acpi_enable = f->acpi_enable;
	out->acpi_disable = f->acpi_disable;
}

static void acpi_fadt_reset(const struct acpi_table_fadt *f, struct acpi_fadt *out)
{
	if (!(f->flags & ACPI_FADT_RESET_SUPPORTED))
		return;
	out->reset = acpi_register_of(&f->reset_reg, 0, 0);
	out->reset_value = f->reset_value;
}

static bool acpi_register_valid(const struct acpi_register *r)
{
	switch (r->space) {
	case ACPI_SPACE_IO:
		return r->addr <= PORT_MAX;
	case ACPI_SPACE_MEMORY:
	case ACPI_SPACE_PCI:
		return true;
	default:
		return false;
	}
}

static bool acpi_fadt_valid(const struct acpi_fadt *fadt)
{
	return acpi_register_valid(&fadt->pm1a_event) && acpi_register_valid(&fadt->pm1b_event) &&
	       acpi_register_valid(&fadt->pm1a_control) &&
	       acpi_register_valid(&fadt->pm1b_control) && acpi_register_valid(&fadt->pm_timer) &&
	       acpi_register_valid(&fadt->reset);
}

/* What a shorter, older table does not have reads as 0. */
int acpi_fadt_parse(struct acpi *acpi, struct acpi_fadt *out, const char **why)
{
	struct acpi_table_fadt f = { 0 };
	struct acpi_table table;
	int err;

	memset(out, 0, sizeof(*out));
	err = acpi_table_find(acpi, ACPI_FADT_SIGNATURE, 0, &table, why);
	if (err)
		return err;
	if (table.sdt->length < ACPI_FADT_V1_SIZE)
		return acpi_fail(acpi, ACPI_FADT_SIGNATURE, "cut short", -EINVAL, why);
	memcpy(&f, table.sdt, MIN(table.sdt->length, sizeof(f)));
	out->dsdt = f.x_dsdt ? f.x_dsdt : f.dsdt;
	out->flags = f.flags;
	out->boot_arch = f.iapc_boot_arch;
	out->century = f.century;
	if (!(f.flags & ACPI_FADT_HW_REDUCED))
		acpi_fadt_fixed_hardware(&f, out);
	acpi_fadt_reset(&f, out);
	if (out->dsdt && acpi_fadt_valid(out))
		return 0;
	err = acpi_fail(acpi, ACPI_FADT_SIGNATURE,
		out->dsdt ? "register in an unknown address space" : "no DSDT", -EINVAL, why);
	memset(out, 0, sizeof(*out));
	return err;
}
