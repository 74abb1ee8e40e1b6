/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts: HvCallMapDeviceInterrupt and its unmap, with the HPET's
 * timers through an IOAPIC pin (edge and level) and as messages, and COM1's
 * pin. Every refusal has its status, and refused calls change nothing.
 * qemu: -global hpet.msi=on
 */
#include "hv/devint.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/io.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define HPET          0xfed00000ull
#define HPET_CAP      0x00u
#define HPET_CONFIG   0x10u
#define HPET_STATUS   0x20u
#define HPET_COUNTER  0xf0u
#define HPET_TIMER(n) (0x100u + 0x20u * (n))
#define HPET_COMPARE  0x08u
#define HPET_FSB      0x10u
#define T_LEVEL       BIT(1)
#define T_ENABLE      BIT(2)
#define T_32BIT       BIT(8)
#define T_FSB         BIT(14)
#define T_FSB_CAP     BIT(15)
#define TIMER         1u

#define COM1          0x3f8u
#define COM1_PIN      4u
#define VECTOR        0x60u
#define VECTOR_COM    0x61u
#define SET_WORDS(n)  ((u64)(n) << 17)

/* The input with a VP set behind it. */
struct request {
	struct hv_map_device_interrupt_input in;
	u64 set[3];
};

static u32 ioapic;
static u32 pin;
static u64 period_fs;

static enum hv_status map(const struct request *r, u32 words, struct hv_interrupt_entry *entry)
{
	struct hv_map_device_interrupt_output out = { 0 };
	u64 result = guest_hypercall_block(HV_CALL_MAP_DEVICE_INTERRUPT | SET_WORDS(words), r,
		sizeof(r->in) + words * 8, &out, sizeof(out));

	*entry = out.entry;
	return HV_RESULT_STATUS(result);
}

static enum hv_status unmap_as(
	u64 device, const struct hv_interrupt_entry *entry, u64 partition, u32 flags)
{
	struct hv_unmap_device_interrupt_input in = {
		.partition_id = partition, .device_id = device, .entry = *entry, .flags = flags
	};

	return HV_RESULT_STATUS(
		guest_hypercall_block(HV_CALL_UNMAP_DEVICE_INTERRUPT, &in, sizeof(in), NULL, 0));
}

static enum hv_status unmap(u64 device, const struct hv_interrupt_entry *entry)
{
	return unmap_as(device, entry, HV_PARTITION_SELF, 0);
}

static struct request pin_request(u32 which, u8 vector, bool level, u32 vp)
{
	return (struct request){ .in = {
					 .partition_id = HV_PARTITION_SELF,
					 .device_id = HV_DEVICE_ID_IOAPIC(ioapic),
					 .logical_entry = { .source = HV_INTERRUPT_SOURCE_IOAPIC,
						 .ioapic_rte = which },
					 .trigger_mode = level,
					 .vector_count = 1,
					 .target = { .vector = vector, .vp_mask = BIT(vp) },
				 } };
}

static struct request message_request(u32 rid, u8 vector)
{
	return (struct request){ .in = {
					 .partition_id = HV_PARTITION_SELF,
					 .device_id = HV_DEVICE_ID_PCI(0, rid),
					 .vector_count = 1,
					 .target = { .vector = vector, .vp_mask = 1 },
				 } };
}

static volatile u32 taken, taken_by;

static void end(void)
{
	msr_write(HV_MSR_EOI, 0);
}

static void on_edge(u8 vector)
{
	(void)vector;
	taken_by = (u32)msr_read(HV_MSR_VP_INDEX);
	taken++;
	end();
}

/* The handler leaves the end to the test. */
static void on_level(u8 vector)
{
	(void)vector;
	taken++;
}

static u64 hpet_get(u32 reg)
{
	return mmio_read32((void *)(HPET + reg)) | (u64)mmio_read32((void *)(HPET + reg + 4)) << 32;
}

static void hpet_set(u32 reg, u64 v)
{
	mmio_write32((void *)(HPET + reg), (u32)v);
	mmio_write32((void *)(HPET + reg + 4), (u32)(v >> 32));
}

static void hpet_stop(void)
{
	hpet_set(HPET_TIMER(TIMER), 0);
	hpet_set(HPET_STATUS, 1u << TIMER);
}

/*
 * Sets the comparator, then enables the timer. False if the counter may have
 * been past it by then: some timers fire at once, others a round later.
 */
static bool hpet_arm(u64 route)
{
	u32 at;

	hpet_set(HPET_TIMER(TIMER), route | T_32BIT);
	at = mmio_read32((void *)(HPET + HPET_COUNTER)) + (u32)(100000000000ull / period_fs);
	mmio_write32((void *)(HPET + HPET_TIMER(TIMER) + HPET_COMPARE), at);
	hpet_set(HPET_TIMER(TIMER), route | T_32BIT | T_ENABLE);
	return (s32)(mmio_read32((void *)(HPET + HPET_COUNTER)) - at) < 0;
}

/*
 * One interrupt in 100 µs, by @route: the pin's bits or T_FSB, and T_LEVEL.
 * The machine below may stand still for longer than that.
 */
static void hpet_start(u64 route)
{
	u32 before = taken;

	hpet_stop();
	irq_enable();
	while (!hpet_arm(route)) {
		guest_delay_us(100000);
		if (taken != before)
			break;
		hpet_stop();
	}
	irq_disable();
}

/* Until @count were taken, a tenth of a second at most; then a little, for one too many. */
static bool takes(u32 count)
{
	irq_enable();
	for (u32 i = 0; i < 1000 && taken < count; i++)
		guest_delay_us(100);
	guest_delay_us(200);
	irq_disable();
	return taken == count;
}

static bool hpet_find(void)
{
	u64 cap = hpet_get(HPET_CAP), routes;

	period_fs = cap >> 32;
	if (!period_fs || period_fs > 100000000)
		return false;
	hpet_set(HPET_CONFIG, 1);
	routes = hpet_get(HPET_TIMER(TIMER)) >> 32 & 0xffffff;
	/* Pins above the ISA ones have no other user here. */
	if (routes & 0xff0000)
		routes &= 0xff0000;
	if (!routes)
		return false;
	pin = (u32)__builtin_ctzll(routes);
	return true;
}

static u64 hpet_pin(void)
{
	return (u64)pin << 9;
}

static void test_edge(void)
{
	struct request r = pin_request(pin, VECTOR, false, 0);
	struct hv_interrupt_entry entry, other;
	enum hv_status status = map(&r, 0, &entry);

	guest_check(status == HV_STATUS_SUCCESS && entry.source == HV_INTERRUPT_SOURCE_IOAPIC &&
			    !(entry.ioapic_rte & (IOAPIC_RTE_LEVEL | IOAPIC_RTE_LOW)),
		"edge-map", "status %x rte %lx", status, entry.ioapic_rte);
	guest_on_interrupt(VECTOR, on_edge);
	taken = 0;
	hpet_start(hpet_pin());
	guest_check(takes(1), "edge-once", "%u", taken);
	for (u32 i = 2; i <= 10; i++) {
		hpet_start(hpet_pin());
		if (!takes(i))
			break;
	}
	guest_check(taken == 10, "edge-ten", "%u", taken);
	guest_check(map(&r, 0, &other) == HV_STATUS_OBJECT_IN_USE, "edge-map-twice");
	r.in.target.vector = VECTOR + 1;
	guest_check(map(&r, 0, &other) == HV_STATUS_OBJECT_IN_USE, "edge-map-twice-elsewhere");
	guest_check(unmap(r.in.device_id, &entry) == HV_STATUS_SUCCESS, "edge-unmap");
	guest_check(unmap(r.in.device_id, &entry) == HV_STATUS_NOT_FOUND, "edge-unmap-twice");
	hpet_start(hpet_pin());
	guest_check(takes(10), "edge-unmapped", "%u", taken);
	hpet_stop();
}

static void test_level(void)
{
	struct request r = pin_request(pin, VECTOR, true, 0);
	struct hv_interrupt_entry entry;

	guest_check(map(&r, 0, &entry) == HV_STATUS_SUCCESS && entry.ioapic_rte & IOAPIC_RTE_LEVEL,
		"level-map");
	guest_on_interrupt(VECTOR, on_level);
	taken = 0;
	hpet_start(hpet_pin() | T_LEVEL);
	guest_check(takes(1), "level-once", "%u", taken);
	guest_check(mmio_read32((void *)(APIC_DEFAULT_BASE + APIC_TMR + 0x30)) & 1, "level-tmr");
	end();
	guest_check(takes(2), "level-again-while-asserted", "%u", taken);
	hpet_set(HPET_STATUS, 1u << TIMER);
	end();
	guest_check(takes(2), "level-silent-when-cleared", "%u", taken);
	hpet_start(hpet_pin() | T_LEVEL);
	guest_check(takes(3), "level-next", "%u", taken);
	/* Ended while it waits for its end, and still asserted. */
	guest_check(unmap(r.in.device_id, &entry) == HV_STATUS_SUCCESS, "level-unmap");
	end();
	guest_check(takes(3), "level-unmapped", "%u", taken);
	hpet_stop();
}

static void test_message(void)
{
	struct request r = message_request(0xf8, VECTOR);
	struct hv_interrupt_entry entry;
	enum hv_status status = map(&r, 0, &entry);

	guest_check(status == HV_STATUS_SUCCESS && entry.source == HV_INTERRUPT_SOURCE_MSI &&
			    (entry.msi.address & 0xfff00fff) == 0xfee00000 &&
			    (entry.msi.data & ~0xffu) == 0,
		"msi-map", "status %x address %x data %x", status, entry.msi.address,
		entry.msi.data);
	if (!(hpet_get(HPET_TIMER(TIMER)) & T_FSB_CAP) && !guest_is_qemu()) {
		guest_pass("hpet-msi-absent");
	} else {
		guest_on_interrupt(VECTOR, on_edge);
		taken = 0;
		hpet_set(HPET_TIMER(TIMER) + HPET_FSB,
			(u64)entry.msi.address << 32 | entry.msi.data);
		hpet_start(T_FSB);
		guest_check(takes(1), "msi-once", "%u", taken);
		hpet_start(T_FSB);
		guest_check(takes(2), "msi-twice", "%u", taken);
	}
	guest_check(unmap(HV_DEVICE_ID_PCI(0, 0xf9), &entry) == HV_STATUS_NOT_FOUND,
		"msi-unmap-other-device");
	guest_check(unmap(r.in.device_id, &entry) == HV_STATUS_SUCCESS, "msi-unmap");
	hpet_start(T_FSB & hpet_get(HPET_TIMER(TIMER)));
	taken = 0;
	guest_check(takes(0), "msi-unmapped", "%u", taken);
	hpet_stop();
}

static void on_com(u8 vector)
{
	(void)in8(COM1 + 2);
	on_edge(vector);
}

/* THRE is true already: enabling its interrupt raises it. */
static void com_raise(void)
{
	while (!(in8(COM1 + 5) & 0x40))
		;
	out8(COM1 + 1, 0);
	out8(COM1 + 4, in8(COM1 + 4) | 8);
	out8(COM1 + 1, 2);
}

static void test_com(u32 vp, const char *name)
{
	struct request r = pin_request(COM1_PIN, VECTOR_COM, false, vp);
	struct hv_interrupt_entry entry;
	enum hv_status status = map(&r, 0, &entry);
	bool ok;

	guest_on_interrupt(VECTOR_COM, on_com);
	taken = 0;
	com_raise();
	ok = takes(1) && taken_by == vp;
	com_raise();
	ok = ok && takes(2) && taken_by == vp;
	out8(COM1 + 1, 0);
	(void)in8(COM1 + 2);
	guest_check(ok && status == HV_STATUS_SUCCESS && unmap(r.in.device_id, &entry) == 0, name,
		"%u by %u", taken, taken_by);
}

static bool up;

static void live(void *arg)
{
	(void)arg;
	store_release(&up, true);
	for (;;)
		irq_wait();
}

static void test_other_vp(void)
{
	if (guest_bootinfo->processors < 2)
		return;
	if (guest_start_vp(1, live, NULL) != HV_STATUS_SUCCESS) {
		guest_fail("com1-at-other", "VP 1 did not start");
		return;
	}
	while (!load_acquire(&up))
		cpu_pause();
	test_com(1, "com1-at-other");
}

/* One field of a good request spoilt. */
#define IN(field)  offsetof(struct hv_map_device_interrupt_input, field)
#define PCI_ID     HV_DEVICE_ID_PCI(0, 0x10)
#define IOAPIC_ID_ HV_DEVICE_ID_IOAPIC((u64)ioapic)

static const struct {
	const char *name;
	u16 offset;
	u8 size;
	u8 msi;
	u64 value;
	u16 status;
} bad[] = {
	{ "bad-partition", IN(partition_id), 8, 0, 5, HV_STATUS_INVALID_PARTITION_ID },
	{ "bad-device-logical", IN(device_id), 8, 1, 0x10, HV_STATUS_INVALID_DEVICE_ID },
	{ "bad-device-acpi", IN(device_id), 8, 1, 3ull << 62, HV_STATUS_INVALID_DEVICE_ID },
	{ "bad-device-pci-reserved", IN(device_id), 8, 1, 1ull << 62 | BIT(51),
		HV_STATUS_INVALID_DEVICE_ID },
	{ "bad-ioapic", IN(device_id), 8, 0, 2ull << 62 | 0xee, HV_STATUS_INVALID_DEVICE_ID },
	{ "bad-ioapic-reserved", IN(device_id), 8, 0, 2ull << 62 | 0x100,
		HV_STATUS_INVALID_DEVICE_ID },
	{ "bad-flags", IN(flags), 4, 0, 1, HV_STATUS_INVALID_PARAMETER },
	{ "bad-irt-index", IN(base_irt_index), 4, 0, 1, HV_STATUS_INVALID_PARAMETER },
	{ "bad-pin", IN(logical_entry) + 8, 8, 0, 24, HV_STATUS_INVALID_PARAMETER },
	{ "bad-pin-255", IN(logical_entry) + 8, 8, 0, 255, HV_STATUS_INVALID_PARAMETER },
	{ "bad-type-lowest", IN(interrupt_type), 4, 0, 1, HV_STATUS_INVALID_PARAMETER },
	{ "bad-type-nmi", IN(interrupt_type), 4, 0, 4, HV_STATUS_INVALID_PARAMETER },
	{ "bad-trigger", IN(trigger_mode), 4, 0, 2, HV_STATUS_INVALID_PARAMETER },
	{ "bad-level-message", IN(trigger_mode), 4, 1, 1, HV_STATUS_INVALID_PARAMETER },
	{ "bad-count-0", IN(vector_count), 4, 0, 0, HV_STATUS_INVALID_PARAMETER },
	{ "bad-count-2", IN(vector_count), 4, 1, 2, HV_STATUS_INVALID_PARAMETER },
	{ "bad-vector-15", IN(target.vector), 4, 0, 15, HV_STATUS_INVALID_PARAMETER },
	{ "bad-vector-256", IN(target.vector), 4, 0, 256, HV_STATUS_INVALID_PARAMETER },
	{ "bad-target-flags", IN(target.flags), 4, 0, 4, HV_STATUS_INVALID_PARAMETER },
	{ "bad-target-none", IN(target.vp_mask), 8, 0, 0, HV_STATUS_INVALID_PARAMETER },
	{ "bad-target-two", IN(target.vp_mask), 8, 0, 3, HV_STATUS_INVALID_PARAMETER },
	{ "bad-target-absent", IN(target.vp_mask), 8, 0, BIT(63), HV_STATUS_INVALID_VP_INDEX },
	{ "bad-target-set-absent", IN(target.flags), 4, 0, 2, HV_STATUS_INVALID_PARAMETER },
};

static void test_bad(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		struct request r = bad[i].msi ? message_request(0x10, VECTOR)
					      : pin_request(pin, VECTOR, false, 0);
		struct hv_interrupt_entry entry;
		enum hv_status status;

		memcpy((u8 *)&r.in + bad[i].offset, &bad[i].value, bad[i].size);
		status = map(&r, 0, &entry);
		guest_check(status == bad[i].status, bad[i].name, "status %x", status);
	}
}

static enum hv_status map_set(u64 format, u64 banks, u64 word, u32 words)
{
	struct request r = pin_request(pin, VECTOR, false, 0);
	struct hv_interrupt_entry entry;
	enum hv_status status;

	r.in.target.flags = HV_INTERRUPT_TARGET_PROCESSORS;
	r.in.target.vp_mask = format;
	r.set[0] = banks;
	r.set[1] = word;
	status = map(&r, words, &entry);
	if (status == HV_STATUS_SUCCESS)
		return unmap(r.in.device_id, &entry);
	return status;
}

static void test_sets(void)
{
	struct request r = pin_request(pin, VECTOR, false, 0);
	struct hv_interrupt_entry entry;

	guest_check(map_set(0, 1, 1, 2) == HV_STATUS_SUCCESS, "set-of-one");
	guest_check(map_set(1, 1, 1, 2) == HV_STATUS_INVALID_PARAMETER, "set-all");
	guest_check(map_set(0, 1, 3, 2) == HV_STATUS_INVALID_PARAMETER, "set-of-two");
	guest_check(map_set(0, 1, 0, 2) == HV_STATUS_INVALID_PARAMETER, "set-empty");
	guest_check(map_set(0, 0, 0, 1) == HV_STATUS_INVALID_PARAMETER, "set-no-bank");
	guest_check(map_set(0, 3, 1, 2) == HV_STATUS_INVALID_PARAMETER, "set-bank-missing");
	guest_check(map_set(0, 1, 1, 3) == HV_STATUS_INVALID_PARAMETER, "set-bank-too-many");
	guest_check(map_set(0, 2, 1, 2) == HV_STATUS_INVALID_VP_INDEX, "set-vp-64");
	guest_check(map_set(0, 1, BIT(63), 2) == HV_STATUS_INVALID_VP_INDEX, "set-vp-63");
	guest_check(map(&r, 1, &entry) == HV_STATUS_INVALID_PARAMETER, "mask-and-set");
}

static void test_bad_unmap(void)
{
	struct request r = message_request(0x20, VECTOR);
	struct hv_interrupt_entry entry, wrong;

	if (map(&r, 0, &entry) != HV_STATUS_SUCCESS)
		guest_fail("unmap", "not mapped");
	wrong = entry;
	wrong.msi.data++;
	guest_check(unmap(r.in.device_id, &wrong) == HV_STATUS_NOT_FOUND, "unmap-other-vector");
	wrong = entry;
	wrong.msi.address += 0x7f000;
	guest_check(unmap(r.in.device_id, &wrong) == HV_STATUS_NOT_FOUND, "unmap-other-processor");
	wrong = entry;
	wrong.source = HV_INTERRUPT_SOURCE_IOAPIC;
	guest_check(unmap(r.in.device_id, &wrong) == HV_STATUS_NOT_FOUND, "unmap-other-source");
	guest_check(unmap(IOAPIC_ID_, &entry) == HV_STATUS_NOT_FOUND, "unmap-as-pin");
	guest_check(unmap(3ull << 62, &entry) == HV_STATUS_INVALID_DEVICE_ID, "unmap-bad-device");
	guest_check(unmap_as(r.in.device_id, &entry, 7, 0) == HV_STATUS_INVALID_PARTITION_ID,
		"unmap-bad-partition");
	guest_check(unmap_as(r.in.device_id, &entry, HV_PARTITION_SELF, 1) ==
			    HV_STATUS_INVALID_PARAMETER,
		"unmap-bad-flags");
	guest_check(unmap(r.in.device_id, &entry) == HV_STATUS_SUCCESS, "unmap-at-last");
}

/* All vectors of the processor, given back, and once more as many. */
static void test_exhaustion(void)
{
	static struct hv_interrupt_entry entries[256];
	u32 counts[2] = { 0 };
	bool ok = true;

	for (u32 round = 0; round < 2; round++) {
		struct request r = message_request(0x30, VECTOR);
		u32 n = 0;

		while (n < 256 && map(&r, 0, &entries[n]) == HV_STATUS_SUCCESS)
			n++;
		counts[round] = n;
		ok = ok && n < 256 && map(&r, 0, &entries[255]) == HV_STATUS_NO_RESOURCES;
		for (u32 i = 0; i < n; i++)
			ok = ok && unmap(r.in.device_id, &entries[i]) == HV_STATUS_SUCCESS;
	}
	guest_check(ok && counts[0] >= 128 && counts[0] == counts[1], "exhaustion", "%u %u",
		counts[0], counts[1]);
}

/* The first id that exists: a pin that cannot exist gives another status. */
static bool ioapic_find(void)
{
	struct hv_interrupt_entry entry;

	for (ioapic = 0; ioapic < 256; ioapic++) {
		struct request r = pin_request(255, VECTOR, false, 0);

		if (map(&r, 0, &entry) != HV_STATUS_INVALID_DEVICE_ID)
			return true;
	}
	return false;
}

void guest_main(void)
{
	if (!ioapic_find() || !hpet_find()) {
		guest_fail("devices", "no IOAPIC or no HPET");
		return;
	}
	guest_print("ioapic %u pin %u\r\n", ioapic, pin);
	test_bad();
	test_sets();
	test_bad_unmap();
	test_exhaustion();
	test_edge();
	test_level();
	test_message();
	test_com(0, "com1");
	test_other_vp();
}
