/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/irq.c and ioapic.c on two processors and two made-up IOAPICs,
 * whose level pins fire as long as their line is up and they are open.
 * sources: hypervisor/irq.c lib/bitmap.c hypervisor/ioapic.c tests/unit/fake/fake.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hv/hypercall.h"
#include "hypervisor/apic.h"
#include "hypervisor/cpu.h"
#include "hypervisor/ioapic.h"
#include "hypervisor/irq.h"
#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "hypervisor/partition.h"
#include "hypervisor/platform.h"
#include "hypervisor/pool.h"
#include "hypervisor/trace.h"
#include "hypervisor/vlapic.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"

#define PINS       24u
#define VECTORS    (HV_VECTOR_DEVICE_LAST - HV_VECTOR_DEVICE_FIRST + 1)
#define RTE_MASKED ((u32)IOAPIC_RTE_MASKED)

struct model {
	u8 page[64];
	u32 select;
	u32 rte[PINS * 2];
	bool line[PINS];
	u32 fired; /* messages sent */
	u32 accesses;
};

static struct model models[2];
static struct cpu cpu_storage[2];
static struct vp vps[2];
static struct partition part;
static struct cpu *here;
static u32 eois, logs, timers;
static struct {
	struct vp *vp;
	u8 vector;
	bool level;
	u32 count;
	u32 eois; /* before it */
} got;
static u32 *caught_up;

void paging_catch_up(u32 *seen)
{
	caught_up = seen;
}

static u8 pic_mask[2];
static u32 pic_inits;
static void *pages[8];
static u32 page_count;

struct platform platform = {
	.ioapic_count = 2,
	.ioapics = { { 4, 0xfec00000, 0 }, { 9, 0xfec10000, 24 } },
};

struct cpu *this_cpu(void)
{
	return here;
}

struct cpu *cpu_by_apic_id(u32 id)
{
	for (u32 i = 0; i < 2; i++)
		if (cpu_storage[i].apic_id == id)
			return &cpu_storage[i];
	return NULL;
}

void apic_eoi(void)
{
	eois++;
}

u32 apic_errors(void)
{
	return 0x40;
}

void timer_interrupt(void)
{
	timers++;
}

void vlapic_interrupt(struct vp *vp, u8 vector, bool level)
{
	got.vp = vp;
	got.vector = vector;
	got.level = level;
	got.count++;
	got.eois = eois;
}

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	(void)vp;
	(void)a;
	(void)b;
	assert_int_equal(event, TRACE_IRQ);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)fmt;
	logs += level <= LOG_WARN;
}

bool log_allowed(struct log_limit *limit)
{
	(void)limit;
	return true;
}

void *pool_alloc(u64 count)
{
	void *p = calloc(count, PAGE_SIZE);

	assert_non_null(p);
	pages[page_count++] = p;
	return p;
}

volatile void *paging_map_device(u64 spa, u64 size)
{
	(void)size;
	return models[spa == 0xfec10000].page;
}

static struct model *model_of(const volatile void *p, u32 *offset)
{
	for (u32 i = 0; i < 2; i++) {
		ptrdiff_t d = (const volatile u8 *)p - models[i].page;

		if (d >= 0 && d < (ptrdiff_t)sizeof(models[i].page)) {
			*offset = (u32)d;
			return &models[i];
		}
	}
	fail_msg("access to no IOAPIC");
	return NULL;
}

static u32 ioapic_read(const volatile void *p)
{
	u32 offset;
	struct model *m = model_of(p, &offset);

	assert_int_equal(offset, IOAPIC_REG_WINDOW);
	if (m->select == IOAPIC_VERSION)
		return 0x20 | (PINS - 1) << 16;
	assert_in_range(m->select, 0x10, 0x10 + 2 * PINS - 1);
	return m->rte[m->select - 0x10];
}

/* One message for as long as nobody masked the pin or lowered the line. */
static void service(struct model *m, u32 pin)
{
	if (m->line[pin] && !(m->rte[2 * pin] & RTE_MASKED))
		m->fired++;
}

static void ioapic_write(volatile void *p, u32 v)
{
	u32 offset;
	struct model *m = model_of(p, &offset);

	m->accesses++;
	if (offset == IOAPIC_REG_SELECT) {
		m->select = v;
		return;
	}
	assert_int_equal(offset, IOAPIC_REG_WINDOW);
	assert_in_range(m->select, 0x10, 0x10 + 2 * PINS - 1);
	m->rte[m->select - 0x10] = v;
	if (!(m->select & 1))
		service(m, (m->select - 0x10) / 2);
}

static void pic_out(u16 port, u32 size, u32 v)
{
	assert_int_equal(size, 1);
	assert_true(port == 0x20 || port == 0x21 || port == 0xa0 || port == 0xa1);
	if (port & 1)
		pic_mask[port >> 7] = (u8)v;
	else
		pic_inits++;
}

static int set_up(void **state)
{
	(void)state;
	memset(models, 0, sizeof(models));
	memset(cpu_storage, 0, sizeof(cpu_storage));
	memset(vps, 0, sizeof(vps));
	memset(&part, 0, sizeof(part));
	memset(&got, 0, sizeof(got));
	eois = logs = timers = pic_inits = 0;
	fake_on_mmio_read = ioapic_read;
	fake_on_mmio_write = ioapic_write;
	fake_on_out = pic_out;
	part.id = HV_PARTITION_ID_ROOT;
	for (u32 i = 0; i < 2; i++) {
		cpu_storage[i].index = i;
		cpu_storage[i].apic_id = i ? 6 : 2;
		cpu_storage[i].routes = pool_alloc(1);
		vps[i].partition = &part;
		vps[i].index = i;
		vps[i].cpu = &cpu_storage[i];
		part.vps[i] = &vps[i];
	}
	part.vp_count = 2;
	here = &cpu_storage[0];
	irq_init(&platform);
	return 0;
}

/* Routes made in a test, so that the next one starts without any. */
static struct hv_unmap_device_interrupt_input made[2 * VECTORS];
static u32 made_count;

static int tear_down(void **state)
{
	(void)state;
	while (made_count)
		(void)irq_unmap(&part, &made[--made_count]);
	while (page_count)
		free(pages[--page_count]);
	return 0;
}

static struct hv_map_device_interrupt_input request_msi(u8 vector, u64 vp_mask)
{
	return (struct hv_map_device_interrupt_input){
		.partition_id = HV_PARTITION_SELF,
		.device_id = HV_DEVICE_ID_PCI(0, 0x18),
		.vector_count = 1,
		.target = { .vector = vector, .vp_mask = vp_mask },
	};
}

static struct hv_map_device_interrupt_input request_pin(u32 ioapic, u8 pin, u8 vector, bool level)
{
	struct hv_map_device_interrupt_input in = request_msi(vector, 1);

	in.device_id = HV_DEVICE_ID_IOAPIC(ioapic);
	in.logical_entry.ioapic_rte = pin;
	in.trigger_mode = level;
	return in;
}

static enum hv_status map(
	const struct hv_map_device_interrupt_input *in, struct hv_interrupt_entry *out)
{
	enum hv_status s = irq_map(&part, in, NULL, 0, out);

	if (s == HV_STATUS_SUCCESS)
		made[made_count++] = (struct hv_unmap_device_interrupt_input){
			.partition_id = HV_PARTITION_SELF,
			.device_id = in->device_id,
			.entry = *out,
		};
	return s;
}

static void map_ok(const struct hv_map_device_interrupt_input *in, struct hv_interrupt_entry *out)
{
	assert_int_equal(map(in, out), HV_STATUS_SUCCESS);
}

static void dispatch(u32 cpu, u32 vector)
{
	here = &cpu_storage[cpu];
	irq_dispatch((u8)vector);
}

static void test_init_masks_everything(void **state)
{
	(void)state;
	assert_int_equal(pic_inits, 2);
	assert_int_equal(pic_mask[0], 0xff);
	assert_int_equal(pic_mask[1], 0xff);
	for (u32 i = 0; i < 2; i++)
		for (u32 pin = 0; pin < PINS; pin++)
			assert_int_equal(models[i].rte[2 * pin], RTE_MASKED);
}

static void test_own_vectors(void **state)
{
	(void)state;
	dispatch(0, HV_VECTOR_TIMER);
	assert_int_equal(timers, 1);
	assert_int_equal(eois, 1);
	assert_null(caught_up);
	dispatch(0, HV_VECTOR_KICK);
	assert_int_equal(eois, 2);
	assert_ptr_equal(caught_up, &cpu_storage[0].paging_seen);
	assert_int_equal(logs, 0);
	dispatch(0, HV_VECTOR_SPURIOUS);
	assert_int_equal(eois, 2);
	dispatch(0, HV_VECTOR_ERROR);
	assert_int_equal(eois, 3);
	assert_int_equal(logs, 1);
	dispatch(0, 0xf8);
	assert_int_equal(eois, 4);
	assert_int_equal(logs, 2);
	assert_int_equal(got.count, 0);
}

static void test_msi(void **state)
{
	struct hv_map_device_interrupt_input in = request_msi(0x41, 2);
	struct hv_interrupt_entry e;

	(void)state;
	map_ok(&in, &e);
	assert_int_equal(e.source, HV_INTERRUPT_SOURCE_MSI);
	assert_int_equal(e.msi.address, 0xfee00000 | 6 << 12);
	assert_in_range(e.msi.data, HV_VECTOR_DEVICE_FIRST, HV_VECTOR_DEVICE_LAST);
	dispatch(1, e.msi.data);
	assert_ptr_equal(got.vp, &vps[1]);
	assert_int_equal(got.vector, 0x41);
	assert_false(got.level);
	assert_int_equal(got.eois, 1);
	/* The same vector of the other processor is another one. */
	dispatch(0, e.msi.data);
	assert_int_equal(got.count, 1);
	assert_int_equal(logs, 1);
	assert_int_equal(eois, 2);
}

static void test_pin_edge(void **state)
{
	struct hv_map_device_interrupt_input in = request_pin(9, 5, 0x52, false);
	struct hv_interrupt_entry e;

	(void)state;
	in.logical_entry.ioapic_rte |= HV_LOGICAL_ENTRY_LOW;
	map_ok(&in, &e);
	assert_int_equal(e.source, HV_INTERRUPT_SOURCE_IOAPIC);
	assert_int_equal(models[1].rte[10], (u32)e.ioapic_rte);
	assert_int_equal(models[1].rte[11], 2u << 24);
	assert_int_equal(models[1].rte[10] & ~0xffu, (u32)IOAPIC_RTE_LOW);
	dispatch(0, (u8)e.ioapic_rte);
	assert_ptr_equal(got.vp, &vps[0]);
	assert_int_equal(got.vector, 0x52);
	assert_false(got.level);
	assert_int_equal(models[1].rte[10], (u32)e.ioapic_rte);
}

/* Masked from the interrupt to the right VP's EOI of the right vector. */
static void test_pin_level(void **state)
{
	struct hv_map_device_interrupt_input in = request_pin(4, 11, 0x61, true);
	struct model *m = &models[0];
	struct hv_interrupt_entry e;

	(void)state;
	map_ok(&in, &e);
	assert_int_equal(m->rte[22] & ~0xffu, (u32)IOAPIC_RTE_LEVEL);
	m->line[11] = true;
	service(m, 11);
	assert_int_equal(m->fired, 1);
	dispatch(0, (u8)e.ioapic_rte);
	assert_true(m->rte[22] & RTE_MASKED);
	assert_true(got.level);
	assert_int_equal(got.eois, 1);

	irq_virtual_eoi(&vps[1], 0x61);
	irq_virtual_eoi(&vps[0], 0x62);
	assert_true(m->rte[22] & RTE_MASKED);
	irq_virtual_eoi(&vps[0], 0x61);
	assert_int_equal(m->rte[22], (u32)e.ioapic_rte);
	/* The line is still up: it fires again, and once only. */
	assert_int_equal(m->fired, 2);
	dispatch(0, (u8)e.ioapic_rte);
	assert_int_equal(got.count, 2);
	m->line[11] = false;
	irq_virtual_eoi(&vps[0], 0x61);
	irq_virtual_eoi(&vps[0], 0x61);
	assert_int_equal(m->fired, 2);
	assert_int_equal(m->rte[22], (u32)e.ioapic_rte);
}

/* Two pins share a virtual vector, as two devices share a line's handler. */
static void test_eoi_opens_all_pins_of_the_vector(void **state)
{
	struct hv_map_device_interrupt_input a = request_pin(4, 3, 0x61, true);
	struct hv_map_device_interrupt_input b = request_pin(9, 23, 0x61, true);
	struct hv_interrupt_entry ea, eb;

	(void)state;
	map_ok(&a, &ea);
	map_ok(&b, &eb);
	dispatch(0, (u8)ea.ioapic_rte);
	dispatch(0, (u8)eb.ioapic_rte);
	assert_true(models[0].rte[6] & RTE_MASKED);
	assert_true(models[1].rte[46] & RTE_MASKED);
	irq_virtual_eoi(&vps[0], 0x61);
	assert_false(models[0].rte[6] & RTE_MASKED);
	assert_false(models[1].rte[46] & RTE_MASKED);
}

static void test_unmap(void **state)
{
	struct hv_map_device_interrupt_input in = request_pin(4, 11, 0x61, true);
	struct hv_unmap_device_interrupt_input un = { .partition_id = HV_PARTITION_SELF };
	struct hv_interrupt_entry e, again;

	(void)state;
	map_ok(&in, &e);
	dispatch(0, (u8)e.ioapic_rte);
	un.device_id = in.device_id;
	un.entry = e;
	assert_int_equal(irq_unmap(&part, &un), HV_STATUS_SUCCESS);
	assert_int_equal(models[0].rte[22], RTE_MASKED);
	/* What waited for its EOI waits no more; a late interrupt is dropped. */
	irq_virtual_eoi(&vps[0], 0x61);
	assert_int_equal(models[0].rte[22], RTE_MASKED);
	dispatch(0, (u8)e.ioapic_rte);
	assert_int_equal(got.count, 1);
	assert_int_equal(eois, 2);
	assert_int_equal(logs, 1);
	assert_int_equal(irq_unmap(&part, &un), HV_STATUS_NOT_FOUND);
	/* The pin is free again, and nothing waits at it. */
	map_ok(&in, &again);
	assert_int_not_equal((u8)again.ioapic_rte, (u8)e.ioapic_rte);
	models[0].accesses = 0;
	irq_virtual_eoi(&vps[0], 0x61);
	assert_int_equal(models[0].accesses, 0);
}

static void test_unmap_wrong(void **state)
{
	struct hv_map_device_interrupt_input in = request_msi(0x41, 1);
	struct hv_interrupt_entry e;
	struct hv_unmap_device_interrupt_input good, un;

	(void)state;
	map_ok(&in, &e);
	good = made[0];
#define REFUSED(status, ...)                                     \
	do {                                                     \
		un = good;                                       \
		__VA_ARGS__;                                     \
		assert_int_equal(irq_unmap(&part, &un), status); \
	} while (0)
	REFUSED(HV_STATUS_INVALID_PARTITION_ID, un.partition_id = 7);
	REFUSED(HV_STATUS_INVALID_DEVICE_ID, un.device_id = 5);
	REFUSED(HV_STATUS_INVALID_PARAMETER, un.flags = 1);
	REFUSED(HV_STATUS_NOT_FOUND, un.device_id++);
	REFUSED(HV_STATUS_NOT_FOUND, un.device_id = HV_DEVICE_ID_IOAPIC(4));
	REFUSED(HV_STATUS_NOT_FOUND, un.entry.source = HV_INTERRUPT_SOURCE_IOAPIC);
	REFUSED(HV_STATUS_NOT_FOUND, un.entry.msi.data++);
	REFUSED(HV_STATUS_NOT_FOUND, un.entry.msi.address ^= 0xff000);
	REFUSED(HV_STATUS_NOT_FOUND, un.entry.msi.address ^= 4u << 12);
#undef REFUSED
	dispatch(0, e.msi.data);
	assert_int_equal(got.count, 1);
}

static void test_map_wrong(void **state)
{
	struct hv_map_device_interrupt_input msi = request_msi(0x41, 1), in;
	struct hv_map_device_interrupt_input pin = request_pin(4, 1, 0x41, true);
	struct hv_interrupt_entry e;

	(void)state;
#define REFUSED(base, status, ...)                      \
	do {                                            \
		in = base;                              \
		__VA_ARGS__;                            \
		assert_int_equal(map(&in, &e), status); \
	} while (0)
	REFUSED(msi, HV_STATUS_INVALID_PARTITION_ID, in.partition_id = 2);
	REFUSED(msi, HV_STATUS_INVALID_DEVICE_ID, in.device_id = 0x18);
	REFUSED(msi, HV_STATUS_INVALID_DEVICE_ID, in.device_id = 3ull << 62);
	REFUSED(msi, HV_STATUS_INVALID_DEVICE_ID, in.device_id |= 1ull << 51);
	REFUSED(pin, HV_STATUS_INVALID_DEVICE_ID, in.device_id++);
	REFUSED(pin, HV_STATUS_INVALID_DEVICE_ID, in.device_id |= 1 << 8);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.flags = 1);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.base_irt_index = 1);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.vector_count = 0);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.vector_count = 2);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.interrupt_type = 1);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.interrupt_type = HV_INTERRUPT_TYPE_NMI);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.trigger_mode = 1);
	REFUSED(pin, HV_STATUS_INVALID_PARAMETER, in.trigger_mode = 2);
	REFUSED(pin, HV_STATUS_INVALID_PARAMETER, in.logical_entry.ioapic_rte = PINS);
	REFUSED(pin, HV_STATUS_INVALID_PARAMETER, in.logical_entry.ioapic_rte = 0xff);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.target.vector = 0xf);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.target.vector = 0x100);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.target.flags = 4);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.target.vp_mask = 0);
	REFUSED(msi, HV_STATUS_INVALID_PARAMETER, in.target.vp_mask = 3);
	REFUSED(msi, HV_STATUS_INVALID_VP_INDEX, in.target.vp_mask = 4);
	REFUSED(msi, HV_STATUS_INVALID_VP_INDEX, in.target.vp_mask = 1ull << 63);
	map_ok(&pin, &e);
	REFUSED(pin, HV_STATUS_OBJECT_IN_USE, in.target.vector++);
	cpu_storage[1].apic_id = 0xff;
	REFUSED(msi, HV_STATUS_NO_RESOURCES, in.target.vp_mask = 2);
	cpu_storage[1].apic_id = 6;
#undef REFUSED
	/* None of it left a route or touched a pin. */
	for (u32 v = HV_VECTOR_DEVICE_FIRST; v <= HV_VECTOR_DEVICE_LAST; v++) {
		if (v != (u8)e.ioapic_rte)
			dispatch(0, v);
		dispatch(1, v);
	}
	assert_int_equal(got.count, 0);
	for (u32 p = 0; p < PINS; p++)
		if (p != 1)
			assert_int_equal(models[0].rte[2 * p], RTE_MASKED);
}

static void test_processor_sets(void **state)
{
	struct hv_map_device_interrupt_input in = request_msi(0x41, 0);
	struct hv_interrupt_entry e;
	const u64 second[] = { 1, 2 }, both[] = { 1, 3 }, empty[] = { 1, 0 };
	const u64 far[] = { 1ull << 3, 1 }, two_banks[] = { 3, 2, 0 }, two_vps[] = { 3, 1, 1 };

	(void)state;
	in.target.flags = HV_INTERRUPT_TARGET_PROCESSORS;
#define SET(set, words) irq_map(&part, &in, set, words, &e)
	assert_int_equal(SET(NULL, 0), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(SET(second, 1), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(SET(two_banks, 2), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(SET(both, 2), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(SET(empty, 2), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(SET(two_vps, 3), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(SET(far, 2), HV_STATUS_INVALID_VP_INDEX);
	in.target.vp_mask = HV_VPSET_ALL;
	assert_int_equal(SET(second, 2), HV_STATUS_INVALID_PARAMETER);
	in.target.vp_mask = HV_VPSET_SPARSE_4K;
	assert_int_equal(SET(second, 2), HV_STATUS_SUCCESS);
	assert_int_equal(e.msi.address, 0xfee00000 | 6 << 12);
	assert_int_equal(SET(two_banks, 3), HV_STATUS_SUCCESS);
	/* A plain mask has no variable header. */
	in.target.flags = 0;
	in.target.vp_mask = 1;
	assert_int_equal(SET(second, 2), HV_STATUS_INVALID_PARAMETER);
#undef SET
}

static void test_vectors_run_out(void **state)
{
	struct hv_map_device_interrupt_input in = request_msi(0x41, 1);
	struct hv_interrupt_entry e;
	bool used[256] = { false };

	(void)state;
	for (u32 i = 0; i < VECTORS; i++) {
		map_ok(&in, &e);
		assert_in_range(e.msi.data, HV_VECTOR_DEVICE_FIRST, HV_VECTOR_DEVICE_LAST);
		assert_false(used[e.msi.data]);
		used[e.msi.data] = true;
	}
	assert_int_equal(map(&in, &e), HV_STATUS_NO_RESOURCES);
	/* The other processor's are its own. */
	in.target.vp_mask = 2;
	map_ok(&in, &e);
}

/* A freed vector comes last, so that late interrupts find it free. */
static void test_vectors_rest(void **state)
{
	struct hv_map_device_interrupt_input in = request_msi(0x41, 1);
	struct hv_interrupt_entry first, e;

	(void)state;
	map_ok(&in, &first);
	assert_int_equal(irq_unmap(&part, &made[--made_count]), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < VECTORS - 1; i++) {
		map_ok(&in, &e);
		assert_int_not_equal(e.msi.data, first.msi.data);
		assert_int_equal(irq_unmap(&part, &made[--made_count]), HV_STATUS_SUCCESS);
	}
	map_ok(&in, &e);
	assert_int_equal(e.msi.data, first.msi.data);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_init_masks_everything),
		TEST(test_own_vectors),
		TEST(test_msi),
		TEST(test_pin_edge),
		TEST(test_pin_level),
		TEST(test_eoi_opens_all_pins_of_the_vector),
		TEST(test_unmap),
		TEST(test_unmap_wrong),
		TEST(test_map_wrong),
		TEST(test_processor_sets),
		TEST(test_vectors_run_out),
		TEST(test_vectors_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
