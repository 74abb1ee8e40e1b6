/* SPDX-License-Identifier: MIT */
/*
 * VPs of children that are moved between two processors all the time: timers
 * and interrupts are neither lost nor doubled.
 * machines: svm-smp2-bios vmx-smp2
 */
#include "base/assert.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"

#define RAM       (4 * MIB)
#define PERIOD_US 1000u
#define MOVES     (guest_is_qemu() ? 60u : 200u)
#define MOVE_US   310u /* in no ratio to the period */
#define PERIODIC  0x20000u
#define TICKS_US  200u

static u64 id;
static u8 *ram;

static void *data(void)
{
	return ram + CHILD_DATA;
}

static void start(const u8 *code, const u8 *end)
{
	id = child_machine(code, (size_t)(end - code), RAM, &ram);
	child_gate(ram, CODE_TIMER_VECTOR, CHILD_CODE + CODE_TIMER_HANDLER);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
}

static void move(u32 vp, u64 mask)
{
	u64 result = child_affinity(id, vp, mask);

	assert(result == HV_STATUS_SUCCESS);
}

/*
 * Each period ends with one interrupt. Where the emulator's processors are
 * threads of a busy host, one may come so late that it stands for many.
 */
static void test_periodic(const char *name, u64 spin)
{
	struct code_timer *t;
	u64 period = guest_tsc_hz() * PERIOD_US / 1000000, periods;

	start(code_timer, code_timer_end);
	t = data();
	*t = (struct code_timer){ .mode = PERIODIC, .initial = PERIOD_US * TICKS_US, .spin = spin };
	child_release(id, 0);
	for (u32 i = 0; i < MOVES; i++) {
		move(0, BIT(i % 2));
		guest_sleep_us(MOVE_US);
	}
	child_suspend(id, 0);
	periods = (t->last_tsc - t->start_tsc + period / 2) / period;
	guest_check(t->count <= periods && periods >= MOVES * MOVE_US / PERIOD_US / 2, name,
		"%lu in %lu periods", t->count, periods);
	if (guest_is_qemu())
		guest_check(t->count >= 10, "some-periods", "%lu of %lu", t->count, periods);
	else
		guest_check(t->count == periods, "all-periods", "%lu of %lu", t->count, periods);
	child_end(id);
}

/* It ends once, however often it moves before, while and after. */
static void test_one_shot(void)
{
	struct code_timer *t;

	start(code_timer, code_timer_end);
	t = data();
	*t = (struct code_timer){ .initial = 10 * MOVE_US * TICKS_US };
	child_release(id, 0);
	for (u32 i = 0; i < 30; i++) {
		move(0, BIT(i % 2));
		guest_sleep_us(MOVE_US);
	}
	guest_check(t->count == 1, "one-shot", "%lu", t->count);
	child_end(id);
}

/* The sender goes on only when the one before was counted, so that one that is lost ends it. */
static void test_ipis(void)
{
	volatile u64 *received, *sent;

	start(code_ipi, code_ipi_end);
	received = data();
	sent = received + 1;
	child_add_vp(id, 1, CHILD_CODE + CODE_IPI_TARGET, CHILD_STACK - 0x800);
	child_register_set(id, 1, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
	child_release(id, 1);
	child_release(id, 0);
	for (u32 i = 0; i < MOVES; i++) {
		u64 before = *received;

		move(i % 2, BIT(i / 2 % 2));
		move(1 - i % 2, BIT(i / 4 % 2));
		if (!guest_sleep_while(received, before, 1000000)) {
			guest_fail("ipis", "lost at %lu of %lu", *received, *sent);
			break;
		}
	}
	child_suspend(id, 0);
	child_suspend(id, 1);
	guest_check(*received >= MOVES && (*received == *sent || *received + 1 == *sent),
		"ipis-once", "%lu of %lu", *received, *sent);
	child_end(id);
}

void guest_main(void)
{
	test_periodic("periodic-running", 1);
	test_periodic("periodic-halted", 0);
	test_one_shot();
	test_ipis();
}
