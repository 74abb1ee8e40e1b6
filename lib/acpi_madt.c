/* SPDX-License-Identifier: MIT */
/*
 * MADT: processors, IOAPICs and how legacy interrupts reach them. One function
 * per kind of entry, in a table; each entry lies inside the MADT and has at
 * least its kind's size before its function sees it. ACPI 6.5, section 5.2.12.
 */
#include "base/errno.h"
#include "lib/acpi.h"
#include "lib/acpi_internal.h"
#include "lib/string.h"

/* Ids that address all processors, so they name none. */
#define APIC_ID_NONE   0xFFu
#define X2APIC_ID_NONE 0xFFFFFFFFu

/* "As the bus has it" is high and edge: all these are ISA's. */
static struct acpi_line acpi_line_of(u16 flags)
{
	return (struct acpi_line){
		.low = (flags & ACPI_INTI_POLARITY) == ACPI_INTI_POLARITY_LOW,
		.level = (flags & ACPI_INTI_TRIGGER) == ACPI_INTI_TRIGGER_LEVEL,
	};
}

static bool acpi_cpu_known(const struct acpi_madt *out, u32 apic_id)
{
	for (u32 i = 0; i < out->cpu_count; i++) {
		if (out->cpus[i].apic_id == apic_id)
			return true;
	}
	return false;
}

static void acpi_cpu_add(struct acpi_madt *out, u32 apic_id, u32 acpi_uid, u32 flags)
{
	if (!(flags & ACPI_CPU_ENABLED)) {
		out->cpus_pluggable += (flags & ACPI_CPU_ONLINE_CAPABLE) != 0;
		return;
	}
	if (acpi_cpu_known(out, apic_id))
		return;
	if (out->cpu_count == ACPI_CPUS_MAX)
		out->cpus_left_out++;
	else
		out->cpus[out->cpu_count++] = (struct acpi_cpu){ apic_id, acpi_uid };
}

static int acpi_madt_lapic(const void *entry, struct acpi_madt *out)
{
	const struct acpi_madt_lapic *e = entry;

	if (e->apic_id != APIC_ID_NONE)
		acpi_cpu_add(out, e->apic_id, e->acpi_uid, e->flags);
	return 0;
}

static int acpi_madt_x2apic(const void *entry, struct acpi_madt *out)
{
	const struct acpi_madt_x2apic *e = entry;

	if (e->apic_id != X2APIC_ID_NONE)
		acpi_cpu_add(out, e->apic_id, e->acpi_uid, e->flags);
	return 0;
}

static int acpi_madt_ioapic(const void *entry, struct acpi_madt *out)
{
	const struct acpi_madt_ioapic *e = entry;

	if (out->ioapic_count == ACPI_IOAPICS_MAX)
		return -E2BIG;
	out->ioapics[out->ioapic_count++] = (struct acpi_ioapic){ e->id, e->addr, e->gsi_base };
	return 0;
}

static int acpi_madt_override(const void *entry, struct acpi_madt *out)
{
	const struct acpi_madt_override *e = entry;

	if (out->override_count == ACPI_OVERRIDES_MAX)
		return -E2BIG;
	out->overrides[out->override_count++] =
		(struct acpi_override){ e->source, e->gsi, acpi_line_of(e->flags) };
	return 0;
}

static int acpi_madt_nmi_source(const void *entry, struct acpi_madt *out)
{
	const struct acpi_madt_nmi_source *e = entry;

	if (out->nmi_count == ACPI_NMIS_MAX)
		return -E2BIG;
	out->nmis[out->nmi_count++] = (struct acpi_nmi){ e->gsi, acpi_line_of(e->flags) };
	return 0;
}

/* Firmware lists these for processors that are not there, too: no error. */
static void acpi_lapic_nmi_add(struct acpi_madt *out, struct acpi_lapic_nmi nmi)
{
	if (out->lapic_nmi_count == ACPI_LAPIC_NMIS_MAX)
		out->lapic_nmis_left_out++;
	else
		out->lapic_nmis[out->lapic_nmi_count++] = nmi;
}

static int acpi_madt_lapic_nmi(const void *entry, struct acpi_madt *out)
{
	const struct acpi_madt_lapic_nmi *e = entry;

	acpi_lapic_nmi_add(out, (struct acpi_lapic_nmi){ .all = e->acpi_uid == ACPI_MADT_UID_ALL,
					.acpi_uid = e->acpi_uid,
					.lint = e->lint & 1,
					.line = acpi_line_of(e->flags) });
	return 0;
}

static int acpi_madt_x2apic_nmi(const void *entry, struct acpi_madt *out)
{
	const struct acpi_madt_x2apic_nmi *e = entry;

	acpi_lapic_nmi_add(
		out, (struct acpi_lapic_nmi){ .all = e->acpi_uid == ACPI_MADT_X2APIC_UID_ALL,
			     .acpi_uid = e->acpi_uid,
			     .lint = e->lint & 1,
			     .line = acpi_line_of(e->flags) });
	return 0;
}

static int acpi_madt_lapic_addr(const void *entry, struct acpi_madt *out)
{
	const struct acpi_madt_lapic_addr *e = entry;

	out->lapic_addr = e->addr;
	return 0;
}

struct acpi_madt_rule {
	size_t size;
	int (*parse)(const void *entry, struct acpi_madt *out);
};

/* By type; the others (SAPIC, ARM's GIC, ...) are passed over. */
static const struct acpi_madt_rule acpi_madt_rules[] = {
	[ACPI_MADT_LAPIC] = { sizeof(struct acpi_madt_lapic), acpi_madt_lapic },
	[ACPI_MADT_IOAPIC] = { sizeof(struct acpi_madt_ioapic), acpi_madt_ioapic },
	[ACPI_MADT_OVERRIDE] = { sizeof(struct acpi_madt_override), acpi_madt_override },
	[ACPI_MADT_NMI_SOURCE] = { sizeof(struct acpi_madt_nmi_source), acpi_madt_nmi_source },
	[ACPI_MADT_LAPIC_NMI] = { sizeof(struct acpi_madt_lapic_nmi), acpi_madt_lapic_nmi },
	[ACPI_MADT_LAPIC_ADDR] = { sizeof(struct acpi_madt_lapic_addr), acpi_madt_lapic_addr },
	[ACPI_MADT_X2APIC] = { sizeof(struct acpi_madt_x2apic), acpi_madt_x2apic },
	[ACPI_MADT_X2APIC_NMI] = { sizeof(struct acpi_madt_x2apic_nmi), acpi_madt_x2apic_nmi },
};

/* Settles one entry of @room bytes at most; its length is never 0 afterwards. */
static int acpi_madt_entry(const struct acpi_madt_entry *entry, size_t room, struct acpi_madt *out)
{
	const struct acpi_madt_rule *rule = NULL;

	if (entry->length < sizeof(*entry) || entry->length > room)
		return -EINVAL;
	if (entry->type < ARRAY_SIZE(acpi_madt_rules))
		rule = &acpi_madt_rules[entry->type];
	if (!rule || !rule->parse)
		return 0;
	return entry->length < rule->size ? -EINVAL : rule->parse(entry, out);
}

static int acpi_madt_walk(const struct acpi_table_madt *madt, struct acpi_madt *out)
{
	const u8 *entries = (const u8 *)(madt + 1);
	size_t size = madt->header.length - sizeof(*madt);
	size_t at = 0;
	int err = 0;

	while (size - at >= sizeof(struct acpi_madt_entry) && !err) {
		const struct acpi_madt_entry *entry = (const void *)(entries + at);

		err = acpi_madt_entry(entry, size - at, out);
		at += err ? 0 : entry->length;
	}
	return err;
}

/* A phrase for each way in which a MADT is of no use, or NULL. */
static const char *acpi_madt_fault(const struct acpi_madt *out, int err)
{
	if (err == -E2BIG)
		return "too many IOAPICs, overrides or NMI sources";
	if (err)
		return "damaged entry";
	return out->cpu_count ? NULL : "no enabled processor";
}

int acpi_madt_parse(struct acpi *acpi, struct acpi_madt *out, const char **why)
{
	const struct acpi_table_madt *madt;
	struct acpi_table table;
	const char *fault;
	int err;

	memset(out, 0, sizeof(*out));
	err = acpi_table_find(acpi, ACPI_MADT_SIGNATURE, 0, &table, why);
	if (err)
		return err;
	madt = (const void *)table.sdt;
	if (madt->header.length < sizeof(*madt))
		return acpi_fail(acpi, ACPI_MADT_SIGNATURE, "cut short", -EINVAL, why);
	out->lapic_addr = madt->lapic_addr;
	out->has_8259 = (madt->flags & ACPI_MADT_PCAT_COMPAT) != 0;
	err = acpi_madt_walk(madt, out);
	fault = acpi_madt_fault(out, err);
	if (!fault)
		return 0;
	memset(out, 0, sizeof(*out));
	return acpi_fail(acpi, ACPI_MADT_SIGNATURE, fault, err ? err : -EINVAL, why);
}

struct acpi_override acpi_isa_route(const struct acpi_madt *madt, u8 irq)
{
	for (u32 i = 0; i < madt->override_count; i++) {
		if (madt->overrides[i].source == irq)
			return madt->overrides[i];
	}
	return (struct acpi_override){ .source = irq, .gsi = irq };
}
