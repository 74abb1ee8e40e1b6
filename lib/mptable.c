/* SPDX-License-Identifier: MIT */
/*
 * Search for the MP floating pointer, and reading of the table behind it.
 * MultiProcessor Specification 1.4, chapter 4.
 */
#include "lib/mptable.h"

#include "base/errno.h"
#include "firmware/mptable.h"
#include "lib/string.h"

#define EBDA_POINTER   0x40eu /* real-mode segment, in the BIOS data area */
#define LOW_MEMORY_END 0xa0000u
#define LAST_OF_LOW    0x9fc00u
#define BIOS_START     0xf0000u
#define BIOS_SIZE      0x10000u
#define SEARCH_STEP    16u
#define BUSES          256u

/* Which buses are PCI's; the table names them before its interrupts. */
struct buses {
	bool pci[BUSES];
};

static bool sum_ok(const u8 *data, size_t len)
{
	u8 sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (u8)(sum + data[i]);
	return sum == 0;
}

static bool pointer_ok(const u8 *at, struct mp_pointer *p)
{
	memcpy(p, at, sizeof(*p));
	return memcmp(p->signature, MP_POINTER_SIGNATURE, sizeof(p->signature)) == 0 &&
	       p->length == 1 && sum_ok(at, sizeof(*p));
}

static bool search(const struct acpi_access *access, u64 phys, u32 size, struct mp_pointer *p)
{
	const u8 *area = access->map(access->ctx, phys, size);

	for (u32 at = 0; area != NULL && at + sizeof(*p) <= size; at += SEARCH_STEP)
		if (pointer_ok(area + at, p))
			return true;
	return false;
}

static bool search_ebda(const struct acpi_access *access, struct mp_pointer *p)
{
	const void *pointer = access->map(access->ctx, EBDA_POINTER, sizeof(u16));
	u16 segment = 0;
	u32 phys;

	if (pointer != NULL)
		memcpy(&segment, pointer, sizeof(segment));
	phys = (u32)segment << 4;
	return phys > EBDA_POINTER && phys + KIB <= LOW_MEMORY_END && search(access, phys, KIB, p);
}

static bool find(const struct acpi_access *access, struct mp_pointer *p)
{
	return search_ebda(access, p) || search(access, LAST_OF_LOW, KIB, p) ||
	       search(access, BIOS_START, BIOS_SIZE, p);
}

static void read_bus(struct buses *buses, const u8 *at)
{
	struct mp_bus b;

	memcpy(&b, at, sizeof(b));
	buses->pci[b.id] = memcmp(b.name, "PCI", 3) == 0;
}

static void read_interrupt(const struct buses *buses, const u8 *at, struct mptable *out)
{
	struct mp_interrupt i;

	memcpy(&i, at, sizeof(i));
	if (i.kind != 0 || !buses->pci[i.bus])
		return;
	if (out->count == MPTABLE_ROUTES_MAX) {
		out->left_out++;
		return;
	}
	out->routes[out->count++] = (struct mptable_route){
		.bus = i.bus,
		.device = (i.irq >> 2) & 31,
		.pin = i.irq & 3,
		.ioapic = i.ioapic,
		.input = i.pin,
		.high = (i.flags & MP_POLARITY_MASK) == MP_POLARITY_HIGH,
	};
}

/* What is behind an entry of an unknown type cannot be told; it ends the table. */
static void read_entries(const u8 *at, size_t size, struct mptable *out)
{
	struct buses buses = { 0 };

	while (size >= MP_ENTRY_SIZE) {
		size_t len = at[0] == MP_PROCESSOR ? MP_PROCESSOR_SIZE : MP_ENTRY_SIZE;

		if (len > size || at[0] > MP_LOCAL_INTERRUPT)
			return;
		if (at[0] == MP_BUS)
			read_bus(&buses, at);
		else if (at[0] == MP_INTERRUPT)
			read_interrupt(&buses, at, out);
		at += len;
		size -= len;
	}
}

static int damaged(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

int mptable_read(const struct acpi_access *access, struct mptable *out, const char **why)
{
	struct mp_pointer pointer;
	struct mp_table table;
	const u8 *data;

	*out = (struct mptable){ 0 };
	if (!find(access, &pointer) || pointer.table == 0) {
		*why = "no MP table";
		return -ENOENT;
	}
	data = access->map(access->ctx, pointer.table, sizeof(table));
	if (data == NULL)
		return damaged(why, "MP table: cannot be read");
	memcpy(&table, data, sizeof(table));
	if (memcmp(table.signature, MP_TABLE_SIGNATURE, sizeof(table.signature)) != 0)
		return damaged(why, "MP table: wrong signature");
	if (table.length < sizeof(table))
		return damaged(why, "MP table: cut short");
	data = access->map(access->ctx, pointer.table, table.length);
	if (data == NULL)
		return damaged(why, "MP table: cannot be read");
	if (!sum_ok(data, table.length))
		return damaged(why, "MP table: wrong checksum");
	read_entries(data + sizeof(table), table.length - sizeof(table), out);
	return 0;
}

const struct mptable_route *mptable_route(const struct mptable *t, u8 bus, u8 device, u8 pin)
{
	for (u32 i = 0; i < t->count; i++) {
		const struct mptable_route *r = &t->routes[i];

		if (r->bus == bus && r->device == device && r->pin == pin)
			return r;
	}
	return NULL;
}
