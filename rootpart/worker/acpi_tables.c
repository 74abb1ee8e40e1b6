/* SPDX-License-Identifier: MIT */
/*
 * The tables, put together byte by byte. The definition block has names and
 * no methods. ACPI Specification 6.5: 5.2 tables, 6.4 resources, 20.2 AML.
 */
#include "rootpart/worker/acpi_tables.h"

#include "base/assert.h"
#include "firmware/acpi.h"
#include "lib/string.h"
#include "rootpart/worker/ioapic.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/memory.h"
#include "rootpart/worker/ports.h"
#include "rootpart/worker/power.h"
#include "rootpart/worker/rtc.h"
#include "rootpart/worker/space.h"
#include "x86/apic.h"

#define TABLE_ALIGN   16u

#define FADT_SIZE     268u /* revision 5: without the hypervisor's vendor */
#define FADT_WBINVD   BIT(0)
#define FADT_NO_POWER BIT(4) /* no fixed power button */
#define FADT_NO_SLEEP BIT(5)
#define GAS_BYTE      1u

/* AML. */
#define AML_ZERO       0x00u
#define AML_NAME       0x08u
#define AML_BYTE       0x0au
#define AML_DWORD      0x0cu
#define AML_STRING     0x0du
#define AML_SCOPE      0x10u
#define AML_BUFFER     0x11u
#define AML_PACKAGE    0x12u
#define AML_ROOT       0x5cu /* '\' */
#define AML_EXT        0x5bu
#define AML_EXT_DEVICE 0x82u
#define AML_LENGTH_2   0x40u /* a length of two bytes: 4 bits here, 8 in the next */
#define AML_LENGTH_MAX 0xfffu

/* Resources. */
#define RES_IO            0x47u
#define RES_IO_16         0x01u
#define RES_IRQ           0x89u
#define RES_IRQ_EDGE_HIGH 0x03u /* and for the device itself */
#define RES_QWORD         0x8au
#define RES_MEMORY        0x00u
#define RES_FIXED         0x0cu /* both ends; what is below the node uses it */
#define RES_WRITABLE      0x01u
#define RES_END           0x79u

/* Where what has registers in memory may put them, VMBus devices among others. */
#define WINDOW_LOW        0xf8000000ull
#define WINDOW_LOW_SIZE   (IOAPIC_BASE - WINDOW_LOW)
#define WINDOW_HIGH_ALIGN (64 * GIB)

/* Bytes that grow. */
struct bytes {
	u8 *at;
	u32 size;
};

static void put(struct bytes *b, const void *from, u32 count)
{
	assert(count <= ACPI_TABLES_MAX - b->size);
	memcpy(b->at + b->size, from, count);
	b->size += count;
}

static void put_byte(struct bytes *b, u8 v)
{
	put(b, &v, sizeof(v));
}

static void put_u16(struct bytes *b, u16 v)
{
	put(b, &v, sizeof(v));
}

static void put_u32(struct bytes *b, u32 v)
{
	put(b, &v, sizeof(v));
}

static void put_u64(struct bytes *b, u64 v)
{
	put(b, &v, sizeof(v));
}

/* Something with a length in front that is known at its end. */
static u32 open(struct bytes *b)
{
	put_u16(b, 0);
	return b->size - (u32)sizeof(u16);
}

static void close(struct bytes *b, u32 start)
{
	u32 length = b->size - start;

	assert(length <= AML_LENGTH_MAX);
	b->at[start] = (u8)(AML_LENGTH_2 | (length & 15));
	b->at[start + 1] = (u8)(length >> 4);
}

/* @name: four letters. */
static void aml_name(struct bytes *b, const char *name)
{
	put_byte(b, AML_NAME);
	put(b, name, 4);
}

static void aml_byte(struct bytes *b, u8 v)
{
	put_byte(b, AML_BYTE);
	put_byte(b, v);
}

static void aml_string(struct bytes *b, const char *name, const char *text)
{
	aml_name(b, name);
	put_byte(b, AML_STRING);
	put(b, text, (u32)strlen(text) + 1);
}

static u32 aml_device(struct bytes *b, const char *name)
{
	u32 start;

	put_byte(b, AML_EXT);
	put_byte(b, AML_EXT_DEVICE);
	start = open(b);
	put(b, name, 4);
	return start;
}

static void aml_uid(struct bytes *b, u8 uid)
{
	aml_name(b, "_UID");
	aml_byte(b, uid);
}

/* _CRS, a buffer that begins with its size. */
static void aml_resources(struct bytes *b, const u8 *bytes, u8 count)
{
	static const u8 end[] = { RES_END, 0 };
	u32 start;

	aml_name(b, "_CRS");
	put_byte(b, AML_BUFFER);
	start = open(b);
	aml_byte(b, (u8)(count + sizeof(end)));
	put(b, bytes, count);
	put(b, end, sizeof(end));
	close(b, start);
}

static void processors(struct bytes *b, u32 count)
{
	static const char digits[] = "0123456789ABCDEF";

	for (u32 i = 0; i < count; i++) {
		char name[] = { 'C', 'P', digits[i >> 4 & 15], digits[i & 15] };
		u32 start = aml_device(b, name);

		aml_string(b, "_HID", "ACPI0007");
		aml_uid(b, (u8)i);
		close(b, start);
	}
}

static void window(struct bytes *b, u64 first, u64 size)
{
	put_byte(b, RES_QWORD);
	put_u16(b, 43);
	put_byte(b, RES_MEMORY);
	put_byte(b, RES_FIXED);
	put_byte(b, RES_WRITABLE);
	put_u64(b, 0); /* granularity */
	put_u64(b, first);
	put_u64(b, first + size - 1);
	put_u64(b, 0); /* translation */
	put_u64(b, size);
}

/* The module of which VMBus is a part. Its name has small letters, as on Hyper-V. */
static void vmbus(struct bytes *b, u64 ram_end)
{
	u64 high = ALIGN_UP(MAX(ram_end, WINDOW_HIGH_ALIGN), WINDOW_HIGH_ALIGN);
	u8 crs[96];
	struct bytes windows = { .at = crs };
	u32 module = aml_device(b, "VMOD"), bus;

	aml_string(b, "_HID", "ACPI0004");
	aml_uid(b, 0);
	window(&windows, WINDOW_LOW, WINDOW_LOW_SIZE);
	window(&windows, high, WINDOW_HIGH_ALIGN);
	assert(windows.size <= sizeof(crs));
	aml_resources(b, crs, (u8)windows.size);
	bus = aml_device(b, "VMBS");
	aml_string(b, "_HID", "VMBus");
	aml_uid(b, 0);
	aml_name(b, "_STA");
	aml_byte(b, 0x0f);
	aml_resources(b, crs, 0);
	close(b, bus);
	close(b, module);
}

static void serial_port(struct bytes *b)
{
	static const u8 pnp0501[] = { AML_DWORD, 0x41, 0xd0, 0x05, 0x01 };
	static const u8 crs[] = {
		RES_IO, RES_IO_16, PORT_UART & 0xff, PORT_UART >> 8, PORT_UART & 0xff,
		PORT_UART >> 8, 1, 8,                                          /* align, count */
		RES_IRQ, 6, 0, RES_IRQ_EDGE_HIGH, 1, IOAPIC_PIN_UART, 0, 0, 0, /* length, count */
	};
	u32 start = aml_device(b, "UAR1");

	aml_name(b, "_HID");
	put(b, pnp0501, sizeof(pnp0501));
	aml_uid(b, 1);
	aml_resources(b, crs, sizeof(crs));
	close(b, start);
}

/* The sleep type of \_S5, which goes into the sleep control register. */
static void s5(struct bytes *b)
{
	u32 start;

	aml_name(b, "_S5_");
	put_byte(b, AML_PACKAGE);
	start = open(b);
	put_byte(b, 4);
	aml_byte(b, POWER_S5_TYPE);
	for (u32 i = 1; i < 4; i++)
		put_byte(b, AML_ZERO);
	close(b, start);
}

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
	u32 start = table_open(b, ACPI_DSDT_SIGNATURE, 2), scope;

	s5(b);
	put_byte(b, AML_SCOPE);
	scope = open(b);
	put_byte(b, AML_ROOT);
	put(b, "_SB_", 4);
	processors(b, m->vp_count);
	vmbus(b, m->ram_end);
	serial_port(b);
	close(b, scope);
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
	struct bytes b = { .at = to, .size = ACPI_RSDP_V2_SIZE };
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

u64 acpi_tables_load(struct place *p)
{
	static u8 tables[ACPI_TABLES_MAX];
	struct acpi_machine m = { .vp_count = space_start()->vp_count };
	u64 gpa;

	for (u32 i = 0; i < memory_region_count(); i++)
		m.ram_end = memory_region(i)->gpa + memory_region(i)->size;
	if (!place_firmware(p, ACPI_TABLES_MAX, &gpa))
		return 0;
	load_write(gpa, tables, acpi_tables_make(tables, gpa, &m));
	return gpa;
}
