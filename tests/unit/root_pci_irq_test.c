/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of PCI functions: MSI-X in any BAR, MSI of both sizes, pins by MP
 * table, through bridges and by the line register, and a pin that storms.
 * sources: rootpart/pci/pci_config.c rootpart/pci/pci_scan.c rootpart/pci/pci_bar.c rootpart/pci/pci_capability.c rootpart/pci/pci_msi.c rootpart/pci/pci_irq.c rootpart/pci/pci_route.c lib/format.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/pci_machine.h"

#define DEV RID(0, 2, 0)

static u32 calls;

static void count(void *ctx)
{
	calls++;
	assert_ptr_equal(ctx, &calls);
}

static u32 requested(void)
{
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(irqs); i++)
		n += irqs[i].used;
	return n;
}

/* Its tables are where table_word() has them; 8 vectors at 0x100 of a BAR of 64 bits. */
static const u32 *add_msix_device(void)
{
	add(DEV, 0x1b36, 0x10, 0);
	put(DEV, 0x3d, 1, 1);
	add_bar(DEV, 0, 0xc000, 0x20, 1);
	add_bar(DEV, 2, TABLE_GPA, 0x400, 4);
	add_capability(DEV, 0x40, PCI_CAP_MSI);
	put(DEV, 0x42, 2, 0x71); /* left on by the firmware */
	add_msix(DEV, 0x60, 8, 2, 0x100);
	put(DEV, 0x62, 2, 0x8007);
	return table_word(TABLE_GPA + 0x100);
}

static void msix(void **state)
{
	const u32 *entry = add_msix_device();
	struct pci_device *dev;

	(void)state;
	pci_init();
	dev = found(DEV);
	/* Found, and all are off. */
	assert_int_equal(conf(DEV, 0x42, 2), 0x70);
	assert_int_equal(conf(DEV, 0x62, 2), 7);
	assert_true(conf(DEV, 4, 2) & PCI_COMMAND_NO_INTX);
	assert_string_equal(pci_irq_kind(dev), "msi-x");
	assert_int_equal(pci_irq_count(dev), 8);
	assert_false(pci_irq_is_shared(dev));

	assert_int_equal(pci_irq_request(dev, 3, 1, count, &calls), 0);
	assert_int_equal(conf(DEV, 0x62, 2), 0x8007);
	assert_true(conf(DEV, 4, 2) & PCI_COMMAND_MEMORY);
	assert_int_equal(irqs[0].rid, DEV);
	assert_int_equal(irqs[0].vp, 1);
	assert_int_equal(entry[3 * 4], 0xfee01000);
	assert_int_equal(entry[3 * 4 + 1], 0);
	assert_int_equal(entry[3 * 4 + 2], 0x40);
	assert_int_equal(entry[3 * 4 + 3], 0);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(entry[i * 4 + 3], i != 3);
	assert_int_equal(entry[8 * 4 + 3], 0xeeeeeeee); /* behind the table */
	assert_int_equal(pci_irq_request(dev, 3, 1, count, &calls), -EBUSY);
	assert_int_equal(pci_irq_request(dev, 8, 1, count, &calls), -ENODEV);
	assert_int_equal(pci_irq_request(dev, 0, 0, count, &calls), 0);
	assert_int_equal(entry[3], 0);

	pci_irq_release(dev);
	assert_int_equal(requested(), 0);
	assert_int_equal(entry[3], 1);
	assert_int_equal(entry[15], 1);
	assert_int_equal(conf(DEV, 0x62, 2), 7);
	assert_int_equal(pci_irq_request(dev, 3, 1, count, &calls), 0);
	assert_int_equal(entry[15], 0);
}

/* A refusal leaves its vector masked and free. */
static void msix_refused(void **state)
{
	const u32 *entry = add_msix_device();
	struct pci_device *dev;

	(void)state;
	pci_init();
	dev = found(DEV);
	irq_answer = -ENOSPC;
	assert_int_equal(pci_irq_request(dev, 3, 1, count, &calls), -ENOSPC);
	assert_int_equal(entry[15], 1);
	irq_answer = 0;
	assert_int_equal(pci_irq_request(dev, 3, 1, count, &calls), 0);
	assert_int_equal(entry[15], 0);
}

/* Then it is as if there were none. */
static void tables_that_lie(void **state)
{
	static const struct {
		u32 vectors, bar, offset;
	} lies[] = {
		{ 8, 0, 0 },     /* in ports */
		{ 8, 3, 0 },     /* in the upper half of a BAR */
		{ 8, 6, 0 },     /* in no BAR */
		{ 8, 2, 0x388 }, /* over its end */
		{ 2048, 2, 0 },  /* longer than it */
		{ 8, 2, ~7u },   /* far behind it */
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(lies); i++) {
		struct pci_device *dev;

		(void)add_msix_device();
		put(DEV, 0x62, 2, lies[i].vectors - 1);
		put(DEV, 0x64, 4, lies[i].offset | lies[i].bar);
		pci_init();
		dev = found(DEV);
		assert_string_equal(pci_irq_kind(dev), "msi");
		assert_int_equal(pci_irq_count(dev), 1);
		assert_int_equal(pci_irq_request(dev, 0, 0, count, &calls), 0);
		(void)teardown(NULL);
		(void)setup(NULL);
	}
}

static void msi(void **state)
{
	struct pci_device *dev;

	(void)state;
	add(DEV, 0x8086, 0x2922, 0);
	add_capability(DEV, 0x80, PCI_CAP_MSI);
	put(DEV, 0x82, 2, 0xba); /* 64 bits; asks for 32 messages, has 8 */
	put(DEV, 0x88, 4, ~0u);
	pci_init();
	dev = found(DEV);
	assert_int_equal(pci_irq_request(dev, 0, 1, count, &calls), 0);
	assert_int_equal(conf(DEV, 0x82, 2), 0x8b);
	assert_int_equal(conf(DEV, 0x84, 4), 0xfee01000);
	assert_int_equal(conf(DEV, 0x88, 4), 0);
	assert_int_equal(conf(DEV, 0x8c, 2), 0x40);
	assert_int_equal(pci_irq_request(dev, 0, 1, count, &calls), -EBUSY);
	pci_irq_release(dev);
	assert_int_equal(conf(DEV, 0x82, 2) & 1, 0);
	assert_int_equal(requested(), 0);
}

static void msi_of_32_bits(void **state)
{
	(void)state;
	add(DEV, 0x8086, 0x2922, 0);
	add_capability(DEV, 0x80, PCI_CAP_MSI);
	put(DEV, 0x8c, 4, 0x12345678);
	pci_init();
	assert_int_equal(pci_irq_request(found(DEV), 0, 1, count, &calls), 0);
	assert_int_equal(conf(DEV, 0x88, 2), 0x40);
	assert_int_equal(conf(DEV, 0x8c, 4), 0x12345678);
}

static struct pci_device *add_pin(u16 rid, u8 pin, u8 line)
{
	add(rid, 0x8086, 0x100e, 0);
	put(rid, 0x3c, 1, line);
	put(rid, 0x3d, 1, pin);
	pci_init();
	return found(rid);
}

static void check_pin(struct pci_device *dev, u32 gsi, bool low)
{
	assert_string_equal(pci_irq_kind(dev), "intx");
	assert_true(pci_irq_is_shared(dev));
	assert_true(conf(dev->rid, 4, 2) & PCI_COMMAND_NO_INTX);
	assert_int_equal(pci_irq_request(dev, 0, 1, count, &calls), 0);
	assert_false(conf(dev->rid, 4, 2) & PCI_COMMAND_NO_INTX);
	assert_int_equal(irqs[0].gsi, gsi);
	assert_true(irqs[0].level);
	assert_int_equal(irqs[0].low, low);
	assert_int_equal(irqs[0].vp, 1);
	calls = 0;
	irqs[0].handler(irqs[0].ctx);
	assert_int_equal(calls, 1);
	pci_irq_release(dev);
	assert_true(conf(dev->rid, 4, 2) & PCI_COMMAND_NO_INTX);
	assert_int_equal(requested(), 0);
}

static void pin_by_line(void **state)
{
	(void)state;
	check_pin(add_pin(DEV, 1, 11), 11, true);
}

/* As the MADT has it where it says more. */
static void pin_by_line_with_override(void **state)
{
	(void)state;
	madt.override_count = 1;
	madt.overrides[0] = (struct acpi_override){ 10, 20, { .low = false, .level = true } };
	check_pin(add_pin(DEV, 1, 10), 20, false);
}

static void pin_by_table(void **state)
{
	(void)state;
	madt.ioapics[0].gsi_base = 24;
	mptable.count = 2;
	mptable.routes[0] = (struct mptable_route){ 0, 2, 2, 2, 17, true };
	mptable.routes[1] = (struct mptable_route){ 0, 2, 1, 2, 18, false };
	check_pin(add_pin(DEV, 2, 11), 24 + 18, true);
}

static void pin_by_table_active_high(void **state)
{
	(void)state;
	mptable.count = 1;
	mptable.routes[0] = (struct mptable_route){ 0, 2, 2, 2, 17, true };
	check_pin(add_pin(DEV, 3, 11), 17, false);
}

/* Bridges in slots 3 and 5 turn INTB# of slot 6 to INTD#, and that to INTC#. */
static void pin_behind_bridges(void **state)
{
	(void)state;
	add_bridge(RID(0, 3, 0), 1, 2);
	add_bridge(RID(1, 5, 0), 2, 2);
	mptable.count = 1;
	mptable.routes[0] = (struct mptable_route){ 0, 3, (1 + 6 + 5) % 4, 2, 21, false };
	check_pin(add_pin(RID(2, 6, 0), 2, 11), 21, true);
}

/* An IOAPIC that nobody knows: the line is what is left. */
static void pin_of_unknown_ioapic(void **state)
{
	(void)state;
	mptable.count = 1;
	mptable.routes[0] = (struct mptable_route){ 0, 2, 0, 7, 17, false };
	check_pin(add_pin(DEV, 1, 11), 11, true);
}

static void pins_that_lead_nowhere(void **state)
{
	struct pci_device *dev;

	(void)state;
	dev = add_pin(DEV, 1, 0xff);
	assert_int_equal(pci_irq_request(dev, 0, 0, count, &calls), -ENODEV);
	assert_true(conf(DEV, 4, 2) & PCI_COMMAND_NO_INTX);
	(void)teardown(NULL);
	(void)setup(NULL);
	dev = add_pin(DEV, 0, 11);
	assert_null(pci_irq_kind(dev));
	assert_int_equal(pci_irq_count(dev), 0);
	assert_int_equal(pci_irq_request(dev, 0, 0, count, &calls), -ENODEV);
	pci_irq_release(dev);
	(void)teardown(NULL);
	(void)setup(NULL);
	dev = add_pin(DEV, 5, 11); /* no such pin */
	assert_int_equal(pci_irq_count(dev), 0);
}

/* Without end, and no work runs between: switched off, and told once. */
static void storm(void **state)
{
	struct pci_device *dev = add_pin(DEV, 1, 11);
	u32 n = 0;

	(void)state;
	assert_int_equal(pci_irq_request(dev, 0, 0, count, &calls), 0);
	/* Many, but work comes between. */
	for (u32 i = 0; i < 100000; i++) {
		irqs[0].handler(irqs[0].ctx);
		if (i % 1000 == 0)
			asked->run(asked);
	}
	assert_int_equal(log_lines, 0);
	asked->run(asked);
	put(DEV, 6, 2, 8); /* it says that it interrupts */
	while (!(conf(DEV, 4, 2) & PCI_COMMAND_NO_INTX) && n++ < 50000)
		irqs[0].handler(irqs[0].ctx);
	assert_in_range(n, 10000, 30000);
	asked->run(asked);
	asked->run(asked);
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(logged, "0000:00:02.0"));
}

/* It says that it does not: another function on the pin may be the one, but not for ever. */
static void storm_of_another(void **state)
{
	struct pci_device *dev = add_pin(DEV, 1, 11);
	u32 n = 0;

	(void)state;
	assert_int_equal(pci_irq_request(dev, 0, 0, count, &calls), 0);
	while (!(conf(DEV, 4, 2) & PCI_COMMAND_NO_INTX) && n++ < 100000)
		irqs[0].handler(irqs[0].ctx);
	assert_in_range(n, 30000, 60000);
}

/* Registers are wherever the random BARs have them. */
static u64 any_load(const volatile void *p, u32 size)
{
	(void)p;
	return size == 4 ? (u32)rand() : 0;
}

static void any_store(volatile void *p, u32 size, u64 v)
{
	(void)p;
	(void)size;
	(void)v;
}

static void add_random(void)
{
	static const u8 headers[] = { 0, 0, 0, 1, 0x80, 0x81, 2, 0x7f };
	u16 rid = RID(rand() % 4, rand() % 32, rand() % 8);

	if (functions[rid] == NULL)
		add(rid, 0, 0, 0);
	for (u32 i = 0; i < 256; i++)
		put(rid, i, 1, (u32)rand() % (rand() % 2 ? 256 : 0x14));
	put(rid, 0, 2, 0x8086);
	put(rid, 0x0e, 1, headers[(u32)rand() % ARRAY_SIZE(headers)]);
	for (u32 i = 0; i < 6; i++)
		functions[rid]->bar_mask[i] = rand() % 2 ? -(1u << rand() % 32) : (u32)rand() * 2;
}

/* Any bytes at all: everything ends, and what was asked for can be given back. */
static void random_functions(void **state)
{
	srand(5);
	for (u32 round = 0; round < 300; round++) {
		for (u32 i = 0; i < 40; i++)
			add_random();
		put(RID(0, 0, 0), 0x0e, 1, 0x80);
		fake_on_mmio_load = any_load;
		fake_on_mmio_store = any_store;
		pci_init();
		assert_true(config_reads < 200000);
		for (u32 i = 0; i < pci_count(); i++) {
			struct pci_device *dev = pci_get(i);

			for (u32 bar = 0; bar < PCI_BARS; bar++)
				(void)pci_map(dev, bar, 0, 1);
			if (requested() < ARRAY_SIZE(irqs))
				(void)pci_irq_request(dev, 0, 0, count, &calls);
		}
		for (u32 i = 0; i < pci_count(); i++)
			pci_irq_release(pci_get(i));
		assert_int_equal(requested(), 0);
		(void)teardown(state);
		(void)setup(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(msix),
		TEST(msix_refused),
		TEST(tables_that_lie),
		TEST(msi),
		TEST(msi_of_32_bits),
		TEST(pin_by_line),
		TEST(pin_by_line_with_override),
		TEST(pin_by_table),
		TEST(pin_by_table_active_high),
		TEST(pin_behind_bridges),
		TEST(pin_of_unknown_ioapic),
		TEST(pins_that_lead_nowhere),
		TEST(storm),
		TEST(storm_of_another),
		TEST(random_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
