/* SPDX-License-Identifier: MIT */
/*
 * What the root may not touch: the hypervisor's memory by every way to reach
 * it, pages shared read-only, IOAPICs, interrupt messages, ports. Each try
 * must end in #GP, change nothing, and leave a line in the log.
 */
#include "boot/log_ring.h"
#include "boot/trace_ring.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/io.h"
#include "x86/paging.h"

#define TEST_VA  0x0000700000000000ull
#define IOAPIC   0xfec00000ull
#define MESSAGES 0xfee01000ull

static u64 hidden; /* a page of the hypervisor's image */

static void read_byte(void *p)
{
	(void)*(volatile u8 *)p;
}

static void write_byte(void *p)
{
	*(volatile u8 *)p = 0x5a;
}

static void call(void *p)
{
	((void (*)(void))p)();
}

static void expect_gp(const char *name, void (*fn)(void *), void *arg, const char *word)
{
	struct guest_log_mark before = guest_log_mark();
	struct guest_fault f = guest_try(fn, arg);

	if (f.vector != VEC_GP)
		guest_fail(name, "vector %u, expected #GP", f.vector);
	else if (!guest_log_says(before, word))
		guest_fail(name, "no log line with \"%s\"", word);
	else
		guest_pass(name);
}

static void directly(void)
{
	expect_gp("read-hypervisor", read_byte, (void *)hidden, "gpa=");
	expect_gp("write-hypervisor", write_byte, (void *)hidden, "gpa=");
	expect_gp("execute-hypervisor", call, (void *)hidden, "gpa=");
	expect_gp("read-pool", read_byte,
		(void *)(guest_bootinfo->root_image - PAGE_SIZE -
			 guest_bootinfo->root_image % PAGE_SIZE),
		"gpa=");
}

extern u64 pml4[512];

/* Links tables of ours below pml4 so that TEST_VA's entry of @level is @entry. */
static void link_entry(u32 level, u64 entry)
{
	u64 *table = (u64 *)guest_phys(pml4);

	for (u32 l = 4; l > level; l--) {
		u64 *below = guest_pages(1);

		table[PT_INDEX(TEST_VA, l)] = (u64)below | PTE_P | PTE_W;
		table = below;
	}
	table[PT_INDEX(TEST_VA, level)] = entry | PTE_P | PTE_W;
	cr3_write(cr3_read());
}

static void through_page_tables(void)
{
	link_entry(1, hidden);
	expect_gp("read-by-mapping", read_byte, (void *)TEST_VA, "gpa=");
	expect_gp("write-by-mapping", write_byte, (void *)TEST_VA, "gpa=");
	link_entry(2, hidden);
	expect_gp("walk-page-table", read_byte, (void *)TEST_VA, "walk=1");
	link_entry(3, hidden);
	expect_gp("walk-page-directory", read_byte, (void *)TEST_VA, "walk=1");
	link_entry(4, hidden);
	expect_gp("walk-pdpt", read_byte, (void *)TEST_VA, "walk=1");
	pml4[PT_INDEX(TEST_VA, 4)] = 0;
	cr3_write(cr3_read());
}

static void read_only(const char *name, u64 gpa)
{
	volatile u8 *p = (volatile u8 *)gpa;
	u8 before = *p;

	expect_gp(name, write_byte, (void *)gpa, "gpa=");
	if (*p != before)
		guest_fail(name, "the byte changed");
}

static void shared_pages(void)
{
	read_only("write-bootinfo", (u64)guest_bootinfo);
	read_only("write-start-info", (u64)guest_start_info);
	read_only("write-pristine-image", guest_bootinfo->root_image);
	/* Bytes that no log line or record reaches: the rings' last ones. */
	read_only("write-log-ring", guest_bootinfo->log_ring + guest_bootinfo->log_ring_size - 1);
	read_only("write-trace-ring", guest_bootinfo->trace_rings);
	guest_check(*(const u32 *)guest_bootinfo->log_ring == LOG_RING_MAGIC, "read-log-ring");
	guest_check(
		*(const u32 *)guest_bootinfo->trace_rings == TRACE_RING_MAGIC, "read-trace-ring");
	guest_check(memcmp((const void *)guest_bootinfo->root_image, "\177ELF", 4) == 0,
		"read-pristine-image");
}

static void in_port(void *port)
{
	(void)in8((u16)(u64)port);
}

static void out_port(void *port)
{
	out8((u16)(u64)port, 0xff);
}

static void ports(void)
{
	static const struct {
		const char *in, *out;
		u16 port;
	} rows[] = {
		{ "in-pic-master-command", "out-pic-master-command", 0x20 },
		{ "in-pic-master-mask", "out-pic-master-mask", 0x21 },
		{ "in-pic-slave-command", "out-pic-slave-command", 0xa0 },
		{ "in-pic-slave-mask", "out-pic-slave-mask", 0xa1 },
		{ "in-pic-master-trigger", "out-pic-master-trigger", 0x4d0 },
		{ "in-pic-slave-trigger", "out-pic-slave-trigger", 0x4d1 },
		{ "in-debug-port", "out-debug-port", 0xe9 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		expect_gp(rows[i].in, in_port, (void *)(u64)rows[i].port, "port=");
		expect_gp(rows[i].out, out_port, (void *)(u64)rows[i].port, "port=");
	}
}

/* Far above memory: a device may be there, so it reads as nothing, without a fault. */
static void device_space(void)
{
	struct guest_fault f = guest_try(read_byte, (void *)(100 * GIB));

	guest_check(f.vector == GUEST_NO_FAULT, "read-high-device", "vector %u", f.vector);
	expect_gp("execute-high-device", call, (void *)(100 * GIB), "gpa=");
	expect_gp("execute-fresh-device", call, (void *)(101 * GIB), "gpa=");
}

void guest_main(void)
{
	hidden = (u64)guest_start_info - PAGE_SIZE;
	directly();
	through_page_tables();
	shared_pages();
	expect_gp("read-ioapic", read_byte, (void *)IOAPIC, "gpa=");
	expect_gp("write-ioapic", write_byte, (void *)IOAPIC, "gpa=");
	expect_gp("write-message-window", write_byte, (void *)MESSAGES, "gpa=");
	ports();
	device_space();
}
