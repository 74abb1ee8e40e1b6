/* SPDX-License-Identifier: MIT */
/*
 * What is found on a PCI bus: by ports and by MCFG, behind bridges that tell
 * the truth and bridges that lie, with BARs and capabilities of both kinds.
 * sources: rootpart/pci/pci_config.c rootpart/pci/pci_scan.c rootpart/pci/pci_bar.c rootpart/pci/pci_capability.c rootpart/pci/pci_msi.c rootpart/pci/pci_irq.c rootpart/pci/pci_route.c lib/format.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/pci_machine.h"

static void check_order(void)
{
	for (u32 i = 1; i < pci_count(); i++)
		assert_true(pci_get(i - 1)->rid < pci_get(i)->rid);
	assert_null(pci_get(pci_count()));
}

static void add_some(void)
{
	add(RID(0, 3, 0), 0x1b36, 0x0010, 0x80);
	put(RID(0, 3, 0), 8, 4, 0x01080205);
	put(RID(0, 3, 0), 0x2c, 4, 0x11001af4);
	put(RID(0, 3, 0), 0x3c, 2, 0x010b);
	add(RID(0, 3, 5), 0x8086, 0x2922, 0);
	add(RID(0, 4, 0), 0x8086, 0x100e, 0); /* says that it has one function */
	add(RID(0, 4, 1), 0x8086, 0x100f, 0);
	add(RID(0, 5, 1), 0x8086, 0x100f, 0); /* without function 0 */
}

static void check_some(void)
{
	const struct pci_device *dev = found(RID(0, 3, 0));
	char name[PCI_NAME_SIZE];

	assert_int_equal(pci_count(), 4);
	check_order();
	assert_int_equal(dev->vendor, 0x1b36);
	assert_int_equal(dev->device, 0x10);
	assert_int_equal(dev->class_code, 1);
	assert_int_equal(dev->subclass, 8);
	assert_int_equal(dev->interface, 2);
	assert_int_equal(dev->revision, 5);
	assert_int_equal(dev->subvendor, 0x1af4);
	assert_int_equal(dev->subdevice, 0x1100);
	assert_int_equal(dev->interrupt_pin, 1);
	assert_int_equal(dev->interrupt_line, 11);
	assert_int_equal(dev->header_type, 0);
	assert_string_equal(pci_name(found(RID(0, 3, 5)), name), "0000:00:03.5");
}

static void by_ports(void **state)
{
	(void)state;
	add_some();
	pci_init();
	check_some();
	assert_int_equal(pci_read32(found(RID(0, 3, 0)), 0x100), ~0u);
	pci_write32(found(RID(0, 3, 0)), 0x100, 5);
	pci_write8(found(RID(0, 3, 0)), PCI_INTERRUPT_LINE, 9);
	assert_int_equal(conf(RID(0, 3, 0), 0x3c, 4), 0x109);
	pci_write16(found(RID(0, 3, 0)), 0x3e, 0x1234);
	assert_int_equal(conf(RID(0, 3, 0), 0x3c, 4), 0x12340109);
	assert_int_equal(pci_read16(found(RID(0, 3, 0)), 0x3e), 0x1234);
}

static void by_mcfg(void **state)
{
	(void)state;
	add_some();
	use_mcfg();
	pci_init();
	check_some();
	put(RID(0, 3, 0), 0x100, 4, 77);
	assert_int_equal(pci_read32(found(RID(0, 3, 0)), 0x100), 77);
	assert_int_equal(pci_read32(found(RID(0, 3, 0)), 4096), ~0u);
}

/* It points somewhere else: what the ports show counts. */
static void mcfg_that_lies(void **state)
{
	(void)state;
	add_some();
	use_mcfg();
	mcfg.segments[0].base += 3 << 15; /* function 3.0 is what it begins with */
	pci_init();
	check_some();
	assert_non_null(strstr(logged, "MCFG"));
	assert_int_equal(pci_read32(found(RID(0, 3, 0)), 0x100), ~0u);
}

static void bridges(void **state)
{
	(void)state;
	add_bridge(RID(0, 1, 0), 1, 3);
	add_bridge(RID(1, 0, 0), 2, 3);
	add_bridge(RID(2, 31, 0), 3, 3);
	add(RID(3, 7, 0), 1, 1, 0); /* 1: no device */
	add(RID(3, 8, 0), 0x10ec, 1, 0);
	add(RID(9, 0, 0), 0x10ec, 2, 0); /* nothing leads there */
	pci_init();
	assert_int_equal(pci_count(), 5);
	check_order();
	assert_non_null(found(RID(3, 8, 0)));
	assert_int_equal(log_lines, 0);
}

/* To itself, back, to where another one leads already, and nowhere. */
static void bridges_that_lie(void **state)
{
	(void)state;
	add_bridge(RID(0, 1, 0), 1, 255);
	add_bridge(RID(0, 2, 0), 1, 255);
	add_bridge(RID(0, 3, 0), 0, 0);
	add_bridge(RID(1, 0, 0), 1, 255);
	add_bridge(RID(1, 1, 0), 2, 0);
	add_bridge(RID(2, 0, 0), 1, 255);
	add_bridge(RID(2, 1, 0), 255, 255);
	add_bridge(RID(255, 1, 0), 2, 255);
	pci_init();
	assert_int_equal(pci_count(), 9);
	assert_int_equal(log_lines, 4);
	assert_true(config_reads < 20000);
}

/* All buses are full of bridges that lead to the next one. */
static void as_deep_as_can_be(void **state)
{
	(void)state;
	for (u32 bus = 0; bus < 255; bus++)
		add_bridge(RID(bus, 5, 0), (u8)(bus + 1), 255);
	add(RID(255, 31, 0), 0x10ec, 2, 0);
	pci_init();
	assert_int_equal(pci_count(), 257);
	check_order();
}

static void more_than_can_be_kept(void **state)
{
	(void)state;
	add_bridge(RID(0, 1, 0), 1, 2);
	add_bridge(RID(0, 2, 0), 2, 2);
	add_bridge(RID(0, 3, 0), 3, 3);
	for (u32 rid = RID(1, 0, 0); rid < RID(4, 0, 0); rid++)
		add((u16)rid, 0x10ec, 2, 0x80);
	pci_init();
	assert_int_equal(pci_count(), 512);
	assert_non_null(strstr(logged, "260 functions more"));
}

/* A link has one device; what answers as others is the same once more. */
static void express_links(void **state)
{
	(void)state;
	add_bridge(RID(0, 1, 0), 1, 1);
	add_capability(RID(0, 1, 0), 0x40, 0x10);
	put(RID(0, 1, 0), 0x42, 2, 0x42);
	for (u32 slot = 0; slot < 32; slot++)
		add(RID(1, slot, 0), 0x8086, 0x10d3, 0);
	pci_init();
	assert_int_equal(pci_count(), 3);
}

static void check_bar(
	const struct pci_device *dev, u32 i, enum pci_bar_kind kind, u64 base, u64 size)
{
	assert_int_equal(dev->bar[i].kind, kind);
	assert_int_equal(dev->bar[i].base, base);
	assert_int_equal(dev->bar[i].size, size);
}

static void bars(void **state)
{
	const u16 rid = RID(0, 3, 0);
	const struct pci_device *dev;

	(void)state;
	add(rid, 0x1af4, 0x1041, 0);
	put(rid, 4, 2, 0x7);
	add_bar(rid, 0, 0xfebf0000, 0x10000, 0);
	add_bar(rid, 1, 0xc040, 0x20, 1);
	functions[rid]->bar_mask[1] = 0xffe0; /* the upper half is wired to zero */
	add_bar(rid, 2, 0x8000000000, 0x800000000, 0xc);
	add_bar(rid, 4, 0, 0x4000, 4);
	pci_init();
	dev = found(rid);
	check_bar(dev, 0, PCI_BAR_MEMORY, 0xfebf0000, 0x10000);
	check_bar(dev, 1, PCI_BAR_IO, 0xc040, 0x20);
	check_bar(dev, 2, PCI_BAR_MEMORY, 0x8000000000, 0x800000000);
	check_bar(dev, 3, PCI_BAR_NONE, 0, 0);
	check_bar(dev, 4, PCI_BAR_MEMORY, 0, 0x4000);
	assert_false(functions[rid]->decoding);
	assert_int_equal(conf(rid, 4, 2), 7);
	assert_int_equal(conf(rid, 0x10, 4), 0xfebf0000);
	assert_int_equal(conf(rid, 0x14, 4), 0xc041);
	assert_int_equal(conf(rid, 0x1c, 4), 0x80);
}

static void bars_that_lie(void **state)
{
	const u16 rid = RID(0, 3, 0);
	const struct pci_device *dev;

	(void)state;
	add(rid, 0x1af4, 0x1041, 0);
	add_bar(rid, 0, 0xfeb00000, 0x1000, 0);
	functions[rid]->bar_mask[0] = 0xff0f0000; /* a hole in its mask */
	add_bar(rid, 1, 0xfeb01000, 0x10000, 0);  /* a bit of its address is wired to one */
	add_bar(rid, 2, 0xfffff000, 0x1000, 4);
	functions[rid]->bar_mask[3] = 0x7f; /* addresses stop short */
	put(rid, 0x24, 4, 0xfea00004);      /* half of it would be behind the last */
	functions[rid]->bar_mask[5] = 0xfffff000;
	pci_init();
	dev = found(rid);
	check_bar(dev, 0, PCI_BAR_NONE, 0, 0);
	check_bar(dev, 1, PCI_BAR_NONE, 0, 0);
	check_bar(dev, 2, PCI_BAR_NONE, 0, 0);
	check_bar(dev, 5, PCI_BAR_NONE, 0, 0);
	assert_null(pci_map(dev, 0, 0, 1));
	assert_null(pci_map(dev, 1, 0, 1));
}

static void mapping(void **state)
{
	const u16 rid = RID(0, 3, 0);
	const struct pci_device *dev;

	(void)state;
	add(rid, 0x1af4, 0x1041, 0);
	add_bar(rid, 0, 0xfeb00000, 0x4000, 0);
	add_bar(rid, 1, 0xc000, 0x100, 1);
	add_bar(rid, 2, 0x3fff0000, 0x10000, 0); /* in memory */
	pci_init();
	dev = found(rid);
	assert_int_equal((u64)pci_map(dev, 0, 0x1000, 0x3000), DEVICE_VA + 0xfeb01000);
	assert_null(pci_map(dev, 0, 0x1000, 0x3001));
	assert_null(pci_map(dev, 0, 0x5000, 1));
	assert_null(pci_map(dev, 0, ~0ull, 8));
	assert_null(pci_map(dev, 1, 0, 4));
	assert_null(pci_map(dev, 2, 0, 4));
	assert_null(pci_map(dev, 6, 0, 4));
}

static void capabilities(void **state)
{
	const u16 rid = RID(0, 3, 0);
	const struct pci_device *dev;

	(void)state;
	add(rid, 0x1af4, 0x1041, 0);
	add_capability(rid, 0x98, 0x09);
	add_capability(rid, 0x70, 0x05);
	add_capability(rid, 0x40, 0x09);
	pci_init();
	dev = found(rid);
	assert_int_equal(pci_capability(dev, PCI_CAP_VENDOR, 0), 0x40);
	assert_int_equal(pci_capability(dev, PCI_CAP_VENDOR, 0x40), 0x98);
	assert_int_equal(pci_capability(dev, PCI_CAP_VENDOR, 0x98), 0);
	assert_int_equal(pci_capability(dev, PCI_CAP_MSI, 0), 0x70);
	assert_int_equal(pci_capability(dev, PCI_CAP_MSIX, 0), 0);
	put(rid, 6, 2, 0);
	assert_int_equal(pci_capability(dev, PCI_CAP_MSI, 0), 0);
}

/* In a circle, into the header, and to the very end. */
static void capabilities_that_lie(void **state)
{
	const u16 rid = RID(0, 3, 0);
	const struct pci_device *dev;

	(void)state;
	add(rid, 0x1af4, 0x1041, 0);
	add_capability(rid, 0x98, 0x09);
	add_capability(rid, 0x40, 0x09);
	put(rid, 0x99, 1, 0x40);
	pci_init();
	dev = found(rid);
	config_reads = 0;
	assert_int_equal(pci_capability(dev, PCI_CAP_MSIX, 0), 0);
	assert_true(config_reads < 100);
	put(rid, 0x99, 1, 0x3c);
	put(rid, 0x3c, 1, PCI_CAP_MSIX);
	assert_int_equal(pci_capability(dev, PCI_CAP_MSIX, 0), 0);
	put(rid, 0x99, 1, 0xff);
	put(rid, 0xfc, 1, PCI_CAP_MSIX);
	assert_int_equal(pci_capability(dev, PCI_CAP_MSIX, 0), 0xfc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_ports),
		TEST(by_mcfg),
		TEST(mcfg_that_lies),
		TEST(bridges),
		TEST(bridges_that_lie),
		TEST(as_deep_as_can_be),
		TEST(more_than_can_be_kept),
		TEST(express_links),
		TEST(bars),
		TEST(bars_that_lie),
		TEST(mapping),
		TEST(capabilities),
		TEST(capabilities_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
