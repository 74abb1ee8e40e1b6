/* SPDX-License-Identifier: MIT */
/*
 * Interrupt requests against a fake hypervisor: what is asked of it, sharing
 * of level pins, ISA overrides, release and reuse, every error.
 * sources: rootpart/irq.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/firmware.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall.h"
#include "rootpart/irq.h"
#include "tests/unit/fake_root.h"

static struct cpu vps[2];
static struct hv_map_device_interrupt_input asked;
static u32 maps, unmaps, eois;
static int answer;
static u64 unmapped_device;
static struct acpi_madt madt;

struct cpu *cpus[HV_MAX_PROCESSORS] = { &vps[0], &vps[1] };
u32 cpu_count = 2;

struct cpu *this_cpu(void)
{
	return &vps[1];
}

void apic_eoi(void)
{
	eois++;
}

void *kzalloc(size_t size)
{
	return calloc(1, size);
}

void kfree(void *p)
{
	free(p);
}

const struct acpi_madt *firmware_madt(void)
{
	return &madt;
}

struct acpi_override acpi_isa_route(const struct acpi_madt *m, u8 irq)
{
	struct acpi_override o = { .source = irq, .gsi = irq };

	assert_ptr_equal(m, &madt);
	if (irq == 9)
		o = (struct acpi_override){ .gsi = 26, .line = { .low = true, .level = true } };
	return o;
}

int hypercall_map_device_interrupt(
	const struct hv_map_device_interrupt_input *in, struct hv_interrupt_entry *entry)
{
	asked = *in;
	maps++;
	entry->msi.address = 0xfee00000;
	entry->msi.data = in->target.vector + 1;
	return answer;
}

int hypercall_unmap_device_interrupt(u64 device_id, const struct hv_interrupt_entry *entry)
{
	(void)entry;
	unmapped_device = device_id;
	unmaps++;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	madt.ioapic_count = 2;
	madt.ioapics[0] = (struct acpi_ioapic){ .id = 5, .gsi_base = 0 };
	madt.ioapics[1] = (struct acpi_ioapic){ .id = 6, .gsi_base = 24 };
	maps = unmaps = eois = 0;
	answer = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (u32 vp = 0; vp < 2; vp++) {
		for (u32 v = 0; v < 256; v++) {
			free(vps[vp].lines[v]);
			vps[vp].lines[v] = NULL;
		}
	}
	return 0;
}

static void count(void *ctx)
{
	++*(u32 *)ctx;
}

static void edge_pin(void **state)
{
	struct irq *irq;
	u32 calls = 0;

	(void)state;
	assert_int_equal(irq_request_isa(4, 1, count, &calls, &irq), 0);
	assert_int_equal(asked.partition_id, HV_PARTITION_SELF);
	assert_int_equal(asked.device_id, HV_DEVICE_ID_IOAPIC(5));
	assert_int_equal(asked.logical_entry.source, HV_INTERRUPT_SOURCE_IOAPIC);
	assert_int_equal(asked.logical_entry.ioapic_rte, 4);
	assert_int_equal(asked.trigger_mode, HV_INTERRUPT_TRIGGER_EDGE);
	assert_int_equal(asked.vector_count, 1);
	assert_int_equal(asked.target.vp_mask, 2);
	assert_in_range(asked.target.vector, VECTOR_DEVICE_FIRST, VECTOR_DEVICE_END - 1);
	irq_dispatch((u8)asked.target.vector);
	assert_int_equal(calls, 1);
	assert_int_equal(eois, 1);
	irq_release(irq);
	assert_int_equal(unmaps, 1);
	assert_int_equal(unmapped_device, HV_DEVICE_ID_IOAPIC(5));
	/* One that was under way is ended, and reaches nobody. */
	irq_dispatch((u8)asked.target.vector);
	assert_int_equal(calls, 1);
	assert_int_equal(eois, 2);
}

static void override_on_second_ioapic(void **state)
{
	struct irq *irq;
	u32 calls = 0;

	(void)state;
	assert_int_equal(irq_request_isa(9, 1, count, &calls, &irq), 0);
	assert_int_equal(asked.device_id, HV_DEVICE_ID_IOAPIC(6));
	assert_int_equal(asked.logical_entry.ioapic_rte, 2 | HV_LOGICAL_ENTRY_LOW);
	assert_int_equal(asked.trigger_mode, HV_INTERRUPT_TRIGGER_LEVEL);
	irq_release(irq);
}

static void level_pin_is_shared(void **state)
{
	struct irq *a, *b, *c;
	u32 calls_a = 0, calls_b = 0;

	(void)state;
	assert_int_equal(irq_request_gsi(16, true, true, 1, count, &calls_a, &a), 0);
	assert_int_equal(irq_request_gsi(16, true, true, 0, count, &calls_b, &b), 0);
	assert_int_equal(maps, 1);
	assert_int_equal(irq_request_gsi(16, true, false, 1, count, NULL, &c), -EBUSY);
	assert_int_equal(irq_request_gsi(16, false, true, 1, count, NULL, &c), -EBUSY);
	irq_dispatch((u8)asked.target.vector);
	assert_int_equal(calls_a, 1);
	assert_int_equal(calls_b, 1);
	irq_release(a);
	assert_int_equal(unmaps, 0);
	irq_dispatch((u8)asked.target.vector);
	assert_int_equal(calls_a, 1);
	assert_int_equal(calls_b, 2);
	irq_release(b);
	assert_int_equal(unmaps, 1);
}

static void edge_pin_is_not_shared(void **state)
{
	struct irq *a, *b;

	(void)state;
	assert_int_equal(irq_request_gsi(3, false, false, 0, count, NULL, &a), 0);
	assert_int_equal(irq_request_gsi(3, false, false, 0, count, NULL, &b), -EBUSY);
	irq_release(a);
	assert_int_equal(irq_request_gsi(3, false, false, 0, count, NULL, &b), 0);
	irq_release(b);
}

static void message(void **state)
{
	struct msi_message m;
	struct irq *irq;

	(void)state;
	assert_int_equal(irq_request_msi(0, 0x0a10, 0, count, NULL, &irq, &m), 0);
	assert_int_equal(asked.device_id, HV_DEVICE_ID_PCI(0, 0x0a10));
	assert_int_equal(asked.logical_entry.source, HV_INTERRUPT_SOURCE_MSI);
	assert_int_equal(asked.target.vp_mask, 1);
	assert_int_equal(m.address, 0xfee00000);
	assert_int_equal(m.data, asked.target.vector + 1);
	irq_release(irq);
	assert_int_equal(unmapped_device, HV_DEVICE_ID_PCI(0, 0x0a10));
}

static void vectors_run_out_and_come_back(void **state)
{
	static struct irq *irqs[256];
	bool seen[256] = { false };
	struct msi_message m;
	u32 n = 0;

	(void)state;
	while (irq_request_msi(0, (u16)n, 1, count, NULL, &irqs[n], &m) == 0) {
		assert_false(seen[asked.target.vector]);
		seen[asked.target.vector] = true;
		n++;
	}
	assert_int_equal(n, VECTOR_DEVICE_END - VECTOR_DEVICE_FIRST);
	assert_int_equal(irq_request_msi(0, 0, 1, count, NULL, &irqs[n], &m), -ENOSPC);
	irq_release(irqs[17]);
	assert_int_equal(irq_request_msi(0, 0, 1, count, NULL, &irqs[17], &m), 0);
	for (u32 i = 0; i < n; i++)
		irq_release(irqs[i]);
}

static void errors(void **state)
{
	struct irq *irq;

	(void)state;
	assert_int_equal(irq_request_isa(16, 0, count, NULL, &irq), -ENODEV);
	assert_int_equal(irq_request_isa(4, 2, count, NULL, &irq), -EINVAL);
	assert_int_equal(irq_request_gsi(24 + 256, false, false, 0, count, NULL, &irq), -ENODEV);
	answer = -EBUSY;
	assert_int_equal(irq_request_isa(4, 0, count, NULL, &irq), -EBUSY);
	/* Nothing is left of a request that failed. */
	answer = 0;
	assert_int_equal(irq_request_isa(4, 0, count, NULL, &irq), 0);
	irq_release(irq);
	madt.ioapic_count = 0;
	assert_int_equal(irq_request_isa(4, 0, count, NULL, &irq), -ENODEV);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(edge_pin),
		TEST(override_on_second_ioapic),
		TEST(level_pin_is_shared),
		TEST(edge_pin_is_not_shared),
		TEST(message),
		TEST(vectors_run_out_and_come_back),
		TEST(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
