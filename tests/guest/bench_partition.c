/* SPDX-License-Identifier: MIT */
/*
 * Costs of children for a root without a kernel of its own: the way from the
 * root's HLT into a child, from a child's intercept to the root's interrupt,
 * and a child's whole life. "BENCH name value" in TSC ticks.
 */
#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "x86/cpu.h"

#define RAM       (4 * MIB)
#define ROUNDS    100u
#define LIVES     16u
#define WARM      4u
#define OUT_BYTES 2u

/*
 * 1: RDTSC; SHL RDX, 32; OR RAX, RDX; MOV [CHILD_DATA], RAX; OUT 0x80, AL; JMP 1b.
 * So the time that it stores is that of its first instruction after an intercept.
 */
static const u8 code[] = { 0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0x48, 0x89, 0x04,
	0x25, 0x00, 0x00, 0x02, 0x00, 0xe6, 0x80, 0xeb, 0xeb };
#define OUT_AT 17u

static struct hv_message m;
static u64 halted, woken;

/* Until the message is there; notes when the root went to sleep and woke. */
static void wait(void)
{
	while (!guest_message_poll(&m)) {
		halted = rdtsc();
		irq_wait();
		woken = rdtsc();
	}
}

static void rows_switch(void)
{
	u64 in = 0, out = 0;
	u8 *ram;
	u64 id = child_machine(code, sizeof(code), RAM, &ram);
	const volatile u64 *seen = (const volatile u64 *)(void *)(ram + CHILD_DATA);

	child_release(id, 0);
	wait();
	for (u32 i = 0; i < ROUNDS + WARM; i++) {
		child_register_set(id, 0, HV_X64_REGISTER_RIP, CHILD_CODE);
		child_resume(id, 0);
		wait();
		if (i < WARM)
			continue;
		in += *seen - halted;
		out += woken - *seen;
	}
	guest_bench("switch-to-child", in / ROUNDS);
	guest_bench("intercept-to-root", out / ROUNDS);
	child_unmap(id, 0, RAM, 0);
	child_end(id);
}

/* Created, given memory, started, until its first intercept, ended. */
static void live(void)
{
	u8 *ram;
	u64 id = child_machine(code, sizeof(code), RAM, &ram);

	child_release(id, 0);
	wait();
	child_end(id);
}

static void row_life(void)
{
	u64 start;

	live();
	start = rdtsc();
	for (u32 i = 0; i < LIVES; i++)
		live();
	guest_bench("child-life", (rdtsc() - start) / LIVES);
}

static void row_memory(void)
{
	u64 available, in_use;
	u8 *ram;
	u64 id = child_machine(code, sizeof(code), RAM, &ram);

	assert(child_balance(id, &available, &in_use) == 0);
	guest_bench("child-memory-bytes", in_use * PAGE_SIZE);
	child_end(id);
}

void guest_main(void)
{
	guest_messages_init();
	rows_switch();
	row_life();
	row_memory();
}
