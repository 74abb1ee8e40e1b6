/* SPDX-License-Identifier: MIT */
/*
 * The tables, put together byte by byte. ACPI Specification 6.5, 5.2.
 */
#include "rootpart/worker/acpi_tables.h"

#include "firmware/acpi.h"
#include "rootpart/worker/acpi_bytes.h"
#include "rootpart/worker/ioapic.h"
#include "rootpart/worker/ports.h"
#include "rootpart/worker/power.h"
#include "rootpart/worker/rtc.h"
#include "x86/apic.h"

#define TABLE_ALIGN   16u

#define FADT_SIZE     268u /* revision 5: without the hypervisor's vendor */
#define FADT_WBINVD   BIT(0)
#define FADT_NO_POWER BIT(4) /* no fixed power button */
#define FADT_NO_SLEEP BIT(5)
#define GAS_BYTE      1u

/* A table begins at the next multiple of TABLE_ALIGN. */
static u32 table_open(struct bytes *b, const char *signature, u8 revision)
{
	struct acpi_sdt header = {
		.revision = revision,
		.oem_id = "VERDIG",
		.oem_table_id = "VERDIGRS",
		.oem_revision = 1,
		.creator_id = 0x52474456, /* "VDGR" */
		.creator_revision = 1,
	};
	u32 start;

	while (b->size % TABLE_ALIGN != 0)
		put_byte(b, 0);
	start = b->size;
	memcpy(header.signature, signature, ACPI_SIGNATURE_SIZE);
	put(b, &header, sizeof(header));
	return start;
}

static u8 checksum(const u8 *bytes, u32 count)
{
	u8 sum = 0;

	for (u32 i = 0; i < count; i++)
		sum = (u8)(sum + bytes[i]);
	return (u8)-sum;
}

static void table_close(struct bytes *b, u32 start)
{
	struct acpi_sdt *header = (void *)(b->at + start);

	header->length = b->size - start;
	header->checksum = 0;
	header->checksum = checksum(b->at + start, header->length);
}

static u32 dsdt(struct bytes *b, const struct acpi_machine *m)
{
	u32 start = table_open(b, ACPI_DSDT_SIGNATURE, 2);

	acpi_aml_put(b, m);
	table_close(b, start);
	return start;
}

static u32 madt(struct bytes *b, const struct acpi_machine *m)
{
	static const struct acpi_madt_ioapic ioapic = {
		.entry = { ACPI_MADT_IOAPIC, sizeof(ioapic) },
		.addr = IOAPIC_BASE,
	};
	static const struct acpi_madt_lapic_nmi nmi = {
		.entry = { ACPI_MADT_LAPIC_NMI, sizeof(nmi) },
		.acpi_uid = ACPI_MADT_UID_ALL,
		.lint = 1,
	};
	u32 start = table_open(b, ACPI_MADT_SIGNATURE, 4);

	put_u32(b, APIC_DEFAULT_BASE);
	put_u32(b, 0); /* no 8259 */
	for (u32 i = 0; i < m->vp_count; i++) {
		struct acpi_madt_lapic lapic = {
			.entry = { ACPI_MADT_LAPIC, sizeof(lapic) },
			.acpi_uid = (u8)i,
			.apic_id = (u8)i,
			.flags = ACPI_CPU_ENABLED,
		};

		put(b, &lapic, sizeof(lapic));
	}
	put(b, &ioapic, sizeof(ioapic));
	put(b, &nmi, sizeof(nmi));
	table_close(b, start);
	return start;
}

static struct acpi_gas byte_port(u16 port)
{
	return (struct acpi_gas){
		.space = ACPI_SPACE_IO,
		.bit_width = 8,
		.access_size = GAS_BYTE,
		.address = port,
	};
}

static u32 fadt(struct bytes *b, u64 dsdt_gpa)
{
	u32 start = table_open(b, ACPI_FADT_SIGNATURE, 5);
	struct acpi_table_fadt f = {
		.dsdt = (u32)dsdt_gpa,
		.century = RTC_CENTURY,
		.iapc_boot_arch = ACPI_BOOT_NO_VGA | ACPI_BOOT_NO_RTC,
		.flags = (u32)(FADT_WBINVD | FADT_NO_POWER | FADT_NO_SLEEP |
			       ACPI_FADT_RESET_SUPPORTED | ACPI_FADT_HW_REDUCED),
		.reset_reg = byte_port(PORT_RESET),
		.reset_value = POWER_RESET_VALUE,
		.minor_version = 1,
		.x_dsdt = dsdt_gpa,
		.sleep_control_reg = byte_port(PORT_SLEEP_CONTROL),
		.sleep_status_reg = byte_port(PORT_SLEEP_STATUS),
	};

	put(b, (u8 *)&f + sizeof(f.header), FADT_SIZE - sizeof(f.header));
	table_close(b, start);
	return start;
}

static void rsdp(u8 *to, u64 xsdt_gpa)
{
	struct acpi_rsdp r = {
		.oem_id = "VERDIG",
		.revision = 2,
		.length = ACPI_RSDP_V2_SIZE,
		.xsdt = xsdt_gpa,
	};

	memcpy(r.signature, ACPI_RSDP_SIGNATURE, sizeof(r.signature));
	r.checksum = checksum((u8 *)&r, ACPI_RSDP_V1_SIZE);
	r.extended_checksum = checksum((u8 *)&r, sizeof(r));
	memcpy(to, &r, sizeof(r));
}

u32 acpi_tables_make(u8 to[ACPI_TABLES_MAX], u64 gpa, const struct acpi_machine *m)
{
	struct bytes b = { .at = to, .room = ACPI_TABLES_MAX, .size = ACPI_RSDP_V2_SIZE };
	u32 xsdt, dsdt_at = dsdt(&b, m);
	u32 fadt_at = fadt(&b, gpa + dsdt_at);
	u32 madt_at = madt(&b, m);

	xsdt = table_open(&b, ACPI_XSDT_SIGNATURE, 1);
	put_u64(&b, gpa + fadt_at);
	put_u64(&b, gpa + madt_at);
	table_close(&b, xsdt);
	rsdp(to, gpa + xsdt);
	return b.size;
}
