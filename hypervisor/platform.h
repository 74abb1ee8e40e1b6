/* SPDX-License-Identifier: MIT */
/*
 * What the firmware says of the machine: processors, IOAPICs, overrides of
 * ISA interrupts, timers. Filled once at boot from ACPI, constant afterwards.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/layout.h"

#define PLATFORM_MAX_IOAPICS   8u
#define PLATFORM_MAX_OVERRIDES 24u

struct platform_ioapic {
	u8 id;
	u64 address;
	u32 gsi_base;
};

struct platform {
	u32 cpu_count;
	u32 apic_ids[HV_MAX_CPUS]; /* usable ones; the boot processor's first */
	u64 lapic_address;
	u32 ioapic_count;
	struct platform_ioapic ioapics[PLATFORM_MAX_IOAPICS];
	u64 hpet_address;  /* 0 if none */
	u32 pm_timer_port; /* 0 if none */
	u8 pm_timer_bits;  /* 24 or 32 */
};

extern struct platform platform;

struct boot_info;

/* Fills it from ACPI; refuse()s a machine without. Boot processor, once. */
void platform_read(const struct boot_info *info);
