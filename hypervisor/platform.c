/* SPDX-License-Identifier: MIT */
/*
 * Reading the machine's description out of ACPI, and hiding from the root the
 * tables of IOMMUs, which are the hypervisor's. Boot processor, once, memory
 * identity-mapped.
 */
#include "hypervisor/platform.h"

#include "boot/boot_info.h"
#include "firmware/acpi.h"
#include "hypervisor/die.h"
#include "hypervisor/log.h"
#include "lib/acpi.h"
#include "x86/cpu.h"

struct platform platform;

/* The boot tables map the first 4 GiB, and no more. */
static const void *map_boot(void *ctx, u64 phys, u64 len)
{
	(void)ctx;
	return phys < 4 * GIB && len <= 4 * GIB - phys ? (const void *)phys : NULL;
}

static void take_processors(const struct acpi_madt *madt)
{
	u32 self = cpuid(1, 0).ebx >> 24;

	if (cpuid(1, 0).ecx & BIT(21) && cpuid(0, 0).eax >= 0xb)
		self = cpuid(0xb, 0).edx;
	platform.apic_ids[platform.cpu_count++] = self;
	for (u32 i = 0; i < madt->cpu_count && platform.cpu_count < HV_MAX_CPUS; i++)
		if (madt->cpus[i].apic_id != self)
			platform.apic_ids[platform.cpu_count++] = madt->cpus[i].apic_id;
	if (madt->cpus_left_out)
		log_warn("platform: %u processors beyond %u are left out", madt->cpus_left_out,
			HV_MAX_CPUS);
}

static void take_interrupts(const struct acpi_madt *madt)
{
	platform.lapic_address = madt->lapic_addr;
	platform.ioapic_count = madt->ioapic_count;
	for (u32 i = 0; i < madt->ioapic_count; i++)
		platform.ioapics[i] = (struct platform_ioapic){
			.id = madt->ioapics[i].id,
			.address = madt->ioapics[i].addr,
			.gsi_base = madt->ioapics[i].gsi_base,
		};
}

static void take_timers(struct acpi *acpi)
{
	struct acpi_fadt fadt;
	struct acpi_hpet hpet;
	const char *why;

	if (!acpi_hpet_parse(acpi, &hpet, &why))
		platform.hpet_address = hpet.addr;
	if (acpi_fadt_parse(acpi, &fadt, &why))
		return;
	if (fadt.pm_timer.space == ACPI_SPACE_IO && fadt.pm_timer.addr) {
		platform.pm_timer_port = (u32)fadt.pm_timer.addr;
		platform.pm_timer_bits = fadt.pm_timer.bits;
	}
}

static void hide(struct acpi *acpi, const char *signature)
{
	struct acpi_table table;
	const char *why;

	while (!acpi_table_find(acpi, signature, 0, &table, &why)) {
		log_info("platform: %s is hidden from the root", signature);
		acpi_table_hide((struct acpi_sdt *)(void *)table.phys);
	}
}

void platform_read(const struct boot_info *info)
{
	const struct acpi_access access = { .map = map_boot };
	struct acpi acpi;
	static struct acpi_madt madt;
	const char *why;

	if (!info->rsdp_size)
		refuse("no ACPI: the firmware gives no tables; switch ACPI on in its setup");
	if (acpi_open(&acpi, &access, info->rsdp, info->rsdp_size, &why) ||
		acpi_madt_parse(&acpi, &madt, &why))
		refuse("%s; switch ACPI on in the firmware's setup, or update the firmware", why);
	take_processors(&madt);
	take_interrupts(&madt);
	take_timers(&acpi);
	hide(&acpi, "DMAR");
	hide(&acpi, "IVRS");
}
