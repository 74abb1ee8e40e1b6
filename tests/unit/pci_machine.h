/* SPDX-License-Identifier: MIT */
/*
 * A made-up PCI bus for host tests: functions with configuration registers, BARs
 * that answer to sizing, and a table of MSI-X vectors; reached by ports, and by MCFG
 * if the test wants it. Interrupts that are asked for are kept. Included by one
 * source of a program.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "fake/fake.h"
#include "lib/mptable.h"
#include "rootpart/boot_modules.h"
#include "rootpart/firmware.h"
#include "rootpart/heap.h"
#include "rootpart/irq.h"
#include "rootpart/log.h"
#include "rootpart/paging.h"
#include "rootpart/pci/pci.h"
#include "rootpart/work.h"
#include "tests/unit/fake_root.h"

#define MCFG_BASE    0xb0000000ull
#define MCFG_SIZE    (256 * MIB)
#define DEVICE_VA    0x100000000000ull /* what is mapped at GPA 0 */
#define TABLE_GPA    0xfe000000ull     /* where all MSI-X tables are put, by RID */
#define RID(b, d, f) ((u16)((b) << 8 | (d) << 3 | (f)))

/* A function. */
struct function {
	u8 config[4096];
	u32 bar_mask[6];  /* bits that can be written */
	u16 command_seen; /* bits that were off at some time while a BAR was written */
	bool decoding;    /* a BAR was written while it decoded */
};

static struct function *functions[65536];
static u32 port_address;
static u32 table[65536 / 16][4 * 64]; /* MSI-X; of the RIDs that are multiples of 16 */
static bool have_mcfg;
static struct acpi_mcfg mcfg;
static struct acpi fake_acpi;
static struct acpi_madt madt;
static struct mptable mptable;
static struct pvh_memory memory_map[1];
static char logged[256];
static u32 log_lines;
static u32 config_reads;

static inline u32 get(const u8 *p, u32 size)
{
	u32 v = 0;

	memcpy(&v, p, size);
	return v;
}

static inline void put(u16 rid, u32 reg, u32 size, u32 v)
{
	memcpy(functions[rid]->config + reg, &v, size);
}

static inline u32 conf(u16 rid, u32 reg, u32 size)
{
	return get(functions[rid]->config + reg, size);
}

static inline u32 config_read(u16 rid, u32 reg, u32 size)
{
	config_reads++;
	assert_true(reg % size == 0);
	return functions[rid] != NULL ? get(functions[rid]->config + reg, size) : ~0u;
}

static inline void config_write(u16 rid, u32 reg, u32 size, u32 v)
{
	struct function *f = functions[rid];
	u32 bar = (reg - 0x10) / 4;

	assert_true(reg % size == 0);
	if (f == NULL)
		return;
	if (reg >= 0x10 && bar < 6) {
		assert_int_equal(size, 4);
		if (get(f->config + 4, 2) & 3)
			f->decoding = true;
		v = (v & f->bar_mask[bar]) | (get(f->config + reg, 4) & ~f->bar_mask[bar]);
	}
	memcpy(f->config + reg, &v, size);
}

static inline u32 port_in(u16 port, u32 size)
{
	assert_true(port_address & BIT(31));
	return config_read((u16)(port_address >> 8), (port_address & 0xfc) + port - 0xcfc, size);
}

static inline void port_out(u16 port, u32 size, u32 v)
{
	if (port == 0xcf8) {
		assert_int_equal(size, 4);
		port_address = v;
		return;
	}
	config_write((u16)(port_address >> 8), (port_address & 0xfc) + port - 0xcfc, size, v);
}

static inline u32 *table_word(u64 gpa)
{
	u64 at = gpa - TABLE_GPA;

	assert_in_range(at, 0, sizeof(table) - 4);
	return (u32 *)((u8 *)table + at);
}

static inline u64 mmio_load(const volatile void *p, u32 size)
{
	u64 gpa = (u64)p - DEVICE_VA;

	if (gpa - MCFG_BASE < MCFG_SIZE)
		return config_read((u16)((gpa - MCFG_BASE) >> 12), gpa & 0xfff, size);
	assert_int_equal(size, 4);
	return *table_word(gpa);
}

static inline void mmio_store(volatile void *p, u32 size, u64 v)
{
	u64 gpa = (u64)p - DEVICE_VA;

	if (gpa - MCFG_BASE < MCFG_SIZE) {
		config_write((u16)((gpa - MCFG_BASE) >> 12), gpa & 0xfff, size, (u32)v);
		return;
	}
	assert_int_equal(size, 4);
	*table_word(gpa) = (u32)v;
}

volatile void *paging_map_device(u64 gpa, u64 size, enum paging_kind kind)
{
	assert_int_equal(kind, PAGING_DEVICE);
	assert_true(size > 0);
	return (volatile void *)(DEVICE_VA + gpa);
}

const void *paging_map_direct(u64 gpa, u64 size)
{
	(void)gpa;
	(void)size;
	return NULL;
}

struct acpi *firmware_acpi(void)
{
	return have_mcfg ? &fake_acpi : NULL;
}

int acpi_mcfg_parse(struct acpi *acpi, struct acpi_mcfg *out, const char **why)
{
	(void)acpi;
	*why = "";
	*out = mcfg;
	return mcfg.count != 0 ? 0 : -ENOENT;
}

const struct acpi_madt *firmware_madt(void)
{
	return &madt;
}

struct acpi_override acpi_isa_route(const struct acpi_madt *m, u8 line)
{
	for (u32 i = 0; i < m->override_count; i++)
		if (m->overrides[i].source == line)
			return m->overrides[i];
	return (struct acpi_override){ .source = line, .gsi = line };
}

int mptable_read(const struct acpi_access *access, struct mptable *out, const char **why)
{
	(void)access;
	*why = "";
	*out = mptable;
	return mptable.count != 0 ? 0 : -ENOENT;
}

const struct mptable_route *mptable_route(const struct mptable *t, u8 bus, u8 device, u8 pin)
{
	for (u32 i = 0; i < t->count; i++)
		if (t->routes[i].bus == bus && t->routes[i].device == device &&
			t->routes[i].pin == pin)
			return &t->routes[i];
	return NULL;
}

const struct pvh_memory *boot_memory_map(u32 *count)
{
	*count = ARRAY_SIZE(memory_map);
	return memory_map;
}

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
	log_lines++;
}

void *kzalloc(size_t size)
{
	return calloc(1, size);
}

void kfree(void *p)
{
	free(p);
}

/* Interrupts that were asked for. */
struct irq {
	u32 gsi; /* ~0: MSI */
	bool level, low;
	u16 rid;
	u32 vp;
	irq_handler handler;
	void *ctx;
	bool used;
};

static struct irq irqs[64];
static int irq_answer;

static inline struct irq *irq_new(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(irqs); i++)
		if (!irqs[i].used)
			return &irqs[i];
	abort();
}

int irq_request_gsi(u32 gsi, bool level, bool active_low, u32 vp, irq_handler handler, void *ctx,
	struct irq **out)
{
	if (irq_answer != 0)
		return irq_answer;
	*out = irq_new();
	**out = (struct irq){ gsi, level, active_low, 0, vp, handler, ctx, true };
	return 0;
}

int irq_request_msi(u16 segment, u16 rid, u32 vp, irq_handler handler, void *ctx, struct irq **out,
	struct msi_message *message)
{
	assert_int_equal(segment, 0);
	if (irq_answer != 0)
		return irq_answer;
	*out = irq_new();
	**out = (struct irq){ ~0u, false, false, rid, vp, handler, ctx, true };
	*message = (struct msi_message){ 0xfee00000 | vp << 12, 0x40 + (u32)(*out - irqs) };
	return 0;
}

void irq_release(struct irq *irq)
{
	assert_true(irq->used);
	irq->used = false;
}

void work_init(struct work *w, void (*run)(struct work *w))
{
	*w = (struct work){ .run = run };
}

static struct work *asked;

void work_ask(struct work *w)
{
	asked = w;
}

/* A function with header type @header, two identifiers, and nothing else. */
static inline void add(u16 rid, u16 vendor, u16 device, u8 header)
{
	functions[rid] = calloc(1, sizeof(struct function));
	put(rid, 0, 2, vendor);
	put(rid, 2, 2, device);
	put(rid, 0x0e, 1, header);
}

static inline void add_bridge(u16 rid, u8 secondary, u8 subordinate)
{
	add(rid, 0x8086, 0x244e, 1);
	put(rid, 0x0a, 2, 0x0604);
	put(rid, 0x18, 1, rid >> 8);
	put(rid, 0x19, 1, secondary);
	put(rid, 0x1a, 1, subordinate);
}

/* Of @size, at @base, with @low as type; the upper half behind it if it is of 64 bits. */
static inline void add_bar(u16 rid, u32 i, u64 base, u64 size, u32 low)
{
	struct function *f = functions[rid];

	f->bar_mask[i] = (u32)-size & ~0xfu;
	put(rid, 0x10 + 4 * i, 4, (u32)base | low);
	if ((low & 7) == 4) {
		f->bar_mask[i + 1] = (u32)(-size >> 32);
		put(rid, 0x14 + 4 * i, 4, (u32)(base >> 32));
	}
}

/* A capability at @at, before the others. */
static inline void add_capability(u16 rid, u8 at, u8 id)
{
	put(rid, at, 1, id);
	put(rid, at + 1, 1, conf(rid, 0x34, 1));
	put(rid, 0x34, 1, at);
	put(rid, 6, 2, 0x10);
}

/* The table at @offset of BAR @bar, for @vectors. */
static inline void add_msix(u16 rid, u8 at, u32 vectors, u32 bar, u32 offset)
{
	add_capability(rid, at, 0x11);
	put(rid, at + 2, 2, vectors - 1);
	put(rid, at + 4, 4, offset | bar);
}

static inline struct pci_device *found(u16 rid)
{
	for (u32 i = 0; i < pci_count(); i++)
		if (pci_get(i)->rid == rid)
			return pci_get(i);
	return NULL;
}

static inline void use_mcfg(void)
{
	have_mcfg = true;
	mcfg.count = 1;
	mcfg.segments[0] = (struct acpi_segment){ MCFG_BASE, 0, 0, 255 };
}

static int setup(void **state)
{
	(void)state;
	fake_on_in = port_in;
	fake_on_out = port_out;
	fake_on_mmio_load = mmio_load;
	fake_on_mmio_store = mmio_store;
	have_mcfg = false;
	memset(&mcfg, 0, sizeof(mcfg));
	memset(&madt, 0, sizeof(madt));
	memset(&mptable, 0, sizeof(mptable));
	memset(irqs, 0, sizeof(irqs));
	memset(table, 0xee, sizeof(table));
	irq_answer = 0;
	log_lines = 0;
	config_reads = 0;
	logged[0] = '\0';
	asked = NULL;
	memory_map[0] = (struct pvh_memory){ 0, GIB, PVH_MEMORY_RAM, 0 };
	madt.ioapic_count = 1;
	madt.ioapics[0] = (struct acpi_ioapic){ .id = 2, .gsi_base = 0 };
	add(0, 0x8086, 0x29c0, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (u32 i = 0; i < pci_count(); i++) {
		free(pci_get(i)->irqs);
		free(pci_get(i));
	}
	for (u32 rid = 0; rid < ARRAY_SIZE(functions); rid++) {
		free(functions[rid]);
		functions[rid] = NULL;
	}
	/* Nothing is found: nothing is left to be freed. */
	have_mcfg = false;
	pci_init();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
