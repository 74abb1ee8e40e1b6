/* SPDX-License-Identifier: MIT */
/*
 * The worker's IOAPIC under any sequence of accesses, lines and ends of
 * interrupts, eight bytes each. What it sends is what the kernel takes; a remote
 * IRR stands for one level that was sent and not ended; and no level that is due
 * stays behind.
 * sources: rootpart/worker/ioapic.c rootpart/worker/bus.c rootpart/worker/machine.c
 * sources: rootpart/worker/memory.c rootpart/worker/uart.c rootpart/worker/rtc.c
 * sources: lib/date.c rootpart/worker/console.c rootpart/worker/report.c
 * sources: rootpart/worker/sys.c lib/format.c tests/unit/fake_worker.c
 * sources: tests/unit/host_assert.c
 */
#include <string.h>

#include "rootpart/worker/bus.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/memory.h"
#include "tests/unit/fake_worker.h"

#define MASKED  0x10000u
#define LEVEL   0x8000u
#define IRR     0x4000u
#define MODE(e) ((e) >> 8 & 7)

enum { WRITE, READ, LINE, EOI, REFUSE, KINDS };

struct step {
	u8 kind;
	u8 len;
	u16 at; /* offset in the page, or pin */
	u32 value;
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static void run(const struct step *s)
{
	u8 bytes[8] = { 0 };
	u64 gpa = IOAPIC_BASE + s->at % PAGE_SIZE;
	size_t len = MIN(1 + s->len % 8, PAGE_SIZE - s->at % PAGE_SIZE);

	switch (s->kind % KINDS) {
	case WRITE:
		memcpy(bytes, &s->value, sizeof(s->value));
		bus_write(gpa, bytes, len);
		break;
	case READ:
		bus_read(gpa, bytes, len);
		break;
	case LINE:
		ioapic_line(&machine.ioapic, s->at % IOAPIC_PINS, s->value & 1);
		break;
	case EOI:
		ioapic_eoi(&machine.ioapic, (u8)s->value);
		break;
	default:
		fake.interrupt_error = s->value & 1 ? -1 : 0;
		break;
	}
}

static void check_sent(void)
{
	for (u32 i = 0; i < fake.interrupt_count; i++) {
		const struct fake_interrupt *sent = &fake.interrupt[i];
		u32 mode = WORKER_INTERRUPT_MODE(sent->how);

		require(sent->destination <= 255);
		require(mode <= 1 ? sent->vector >= 16 : mode == 4 || mode == 5);
		require(mode <= 1 || !(sent->how & WORKER_INTERRUPT_LEVEL));
	}
	/* One access, line or end sends at most one per pin. */
	require(fake.interrupt_count <= IOAPIC_PINS);
	fake.interrupt_count = 0;
}

static void check_entry(u32 pin)
{
	u64 e = machine.ioapic.entry[pin];
	bool level = e & LEVEL && MODE(e) <= 1;
	bool asserted = machine.ioapic.asserted >> pin & 1;

	require(!(e & 0x00fffffffffe1000ull));
	require(level || !(e & IRR));
	if (level && asserted && !(e & MASKED) && (u8)e >= 16 && !fake.interrupt_error &&
		!machine.ioapic.refusal_told)
		require(e & IRR);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	fake_reset();
	fake_region(0, PAGE_SIZE, WORKER_REGION_RAM);
	machine_init();
	require(memory_init());
	for (; size >= sizeof(struct step);
		data += sizeof(struct step), size -= sizeof(struct step)) {
		struct step s;

		memcpy(&s, data, sizeof(s));
		run(&s);
		check_sent();
		for (u32 pin = 0; pin < IOAPIC_PINS; pin++)
			check_entry(pin);
	}
	require(machine.ioapic.asserted >> IOAPIC_PINS == 0);
	return 0;
}
