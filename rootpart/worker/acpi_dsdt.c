/* SPDX-License-Identifier: MIT */
/*
 * The definition block: names of what is there and its resources, no methods.
 * ACPI Specification 6.5: 6.4 resources, 20.2 AML.
 */
#include "rootpart/worker/acpi_bytes.h"
#include "rootpart/worker/ioapic.h"
#include "rootpart/worker/ports.h"
#include "rootpart/worker/power.h"

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
	struct bytes windows = { .at = crs, .room = sizeof(crs) };
	u32 module = aml_device(b, "VMOD"), bus;

	aml_string(b, "_HID", "ACPI0004");
	aml_uid(b, 0);
	window(&windows, WINDOW_LOW, WINDOW_LOW_SIZE);
	window(&windows, high, WINDOW_HIGH_ALIGN);
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

void acpi_aml_put(struct bytes *b, const struct acpi_machine *m)
{
	u32 scope;

	s5(b);
	put_byte(b, AML_SCOPE);
	scope = open(b);
	put_byte(b, AML_ROOT);
	put(b, "_SB_", 4);
	processors(b, m->vp_count);
	vmbus(b, m->ram_end);
	serial_port(b);
	close(b, scope);
}
