/* SPDX-License-Identifier: MIT */
/*
 * Memory of a child that runs meanwhile: its writes are logged, pages that are
 * taken away are gone for it at once, and its large pages are split and joined
 * under its feet.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp2 ryzen-smp1
 */
#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"

#define RAM    (4 * MIB)
#define ROUNDS 300u
#define SECOND 1000000u
#define BOTH   (HV_ACCESS_STATE_ACCESSED | HV_ACCESS_STATE_DIRTY)
#define RW     (HV_MAP_READ | HV_MAP_WRITE)
/* Where the child counts; in its second 2 MiB. */
#define COUNTER PAGE_2M

static u64 id;
static u8 *ram;
static struct hv_message m;

/* MOV [RDI], RSI; OUT 0x80, AL; and again. */
static const u8 store_code[] = { 0x48, 0x89, 0x37, 0xe6, 0x80, 0xeb, 0xf9 };

static void track(u64 on)
{
	u64 result = child_set(id, HV_PROPERTY_ACCESS_TRACKING, on);

	assert(result == HV_STATUS_SUCCESS);
}

static u8 state_at(u64 gpa, u64 flags)
{
	u8 state = 0xff;
	u64 result = child_access_state(id, gpa >> PAGE_SHIFT, 1, flags, &state);

	assert(result == CHILD_DONE(1));
	return state;
}

/* The child stores @v at @gpa, once. */
static u32 store(u64 gpa, u64 v)
{
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 7, gpa);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 6, v);
	child_register_set(id, 0, HV_X64_REGISTER_RIP, CHILD_CODE);
	child_resume(id, 0);
	guest_message_wait(&m);
	return m.header.type;
}

static void test_log(void)
{
	u64 at = CHILD_DATA + 5 * PAGE_SIZE;
	bool ok = true;

	id = child_machine(store_code, sizeof(store_code), RAM, &ram);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
	child_release(id, 0);
	guest_message_wait(&m);
	child_deposit_pages(id, RAM / PAGE_2M);
	track(1);
	guest_check(state_at(at, 0) == HV_ACCESS_STATE_ACCESSED, "log-clean");
	guest_check(store(at, 0x1234567890) == HV_MESSAGE_IO_PORT &&
			    *(u64 *)(void *)(ram + at) == 0x1234567890,
		"log-stores", "message %x", m.header.type);
	guest_check(state_at(at, 0) == BOTH, "log-dirty");
	guest_check(state_at(at - PAGE_SIZE, 0) == HV_ACCESS_STATE_ACCESSED &&
			    state_at(at + PAGE_SIZE, 0) == HV_ACCESS_STATE_ACCESSED &&
			    state_at(CHILD_CODE, 0) == HV_ACCESS_STATE_ACCESSED,
		"log-others-clean");
	for (u64 i = 0; i < ROUNDS; i++)
		ok = ok && state_at(at, HV_ACCESS_CLEAR_DIRTY) == BOTH &&
		     state_at(at, 0) == HV_ACCESS_STATE_ACCESSED &&
		     store(at + 8 * (i % 512), i) == HV_MESSAGE_IO_PORT &&
		     *(u64 *)(void *)(ram + at + 8 * (i % 512)) == i;
	guest_check(ok, "log-again-and-again");
	/* Logging is no right to write. */
	child_map(id, at, (u64)ram + at, PAGE_SIZE, HV_MAP_READ);
	guest_check(store(at, 5) == HV_MESSAGE_GPA_INTERCEPT, "log-read-only", "message %x",
		m.header.type);
	child_map(id, at, (u64)ram + at, PAGE_SIZE, HV_MAP_ALL);
	(void)state_at(at, HV_ACCESS_CLEAR_DIRTY);
	guest_check(
		store(at, 6) == HV_MESSAGE_IO_PORT && state_at(at, 0) == BOTH, "log-after-rights");
	track(0);
	guest_check(
		store(at, 7) == HV_MESSAGE_IO_PORT && *(u64 *)(void *)(ram + at) == 7, "log-off");
	child_end(id);
}

static volatile u64 *counter_start(void)
{
	id = child_of(code_count, RAM, &ram);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 7, COUNTER);
	/* On another processor, if there is one. */
	(void)child_affinity(id, 0, guest_bootinfo->processors > 1 ? 2 : 1);
	child_deposit_pages(id, 2 * RAM / PAGE_2M);
	child_release(id, 0);
	return (volatile u64 *)(void *)(ram + COUNTER);
}

static bool goes_on(const volatile u64 *count)
{
	return guest_sleep_while(count, *count, SECOND);
}

static bool stands(const volatile u64 *count)
{
	u64 before = *count;

	guest_sleep_us(2000);
	return *count == before;
}

/* Whenever it has counted since the page was clean, the page is dirty. */
static void test_log_of_a_runner(void)
{
	const volatile u64 *count = counter_start();
	u32 missed = 0;

	guest_check(goes_on(count), "runner-runs");
	track(1);
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 before;

		(void)state_at(COUNTER, HV_ACCESS_CLEAR_DIRTY);
		before = *count;
		if (i % 4 == 0)
			guest_sleep_us(100);
		if (*count != before && state_at(COUNTER, 0) != BOTH)
			missed++;
	}
	guest_check(missed == 0, "runner-log", "%u writes not seen", missed);
	guest_check(goes_on(count), "runner-goes-on");
	for (u32 i = 0; i < 20; i++) {
		track(i & 1);
		guest_sleep_us(100);
	}
	guest_check(goes_on(count), "runner-survives-switching");
	child_end(id);
}

/* From the moment that the call returns it writes nothing there any more. */
static void test_unmapping(void)
{
	const volatile u64 *count = counter_start();
	bool ok = goes_on(count), gone = true;

	for (u32 i = 0; i < 20 && ok; i++) {
		child_unmap(id, COUNTER, PAGE_SIZE, 0);
		gone = gone && stands(count);
		guest_message_wait(&m);
		ok = m.header.type == HV_MESSAGE_UNMAPPED_GPA;
		child_map(id, COUNTER, (u64)ram + COUNTER, PAGE_SIZE, HV_MAP_ALL);
		child_resume(id, 0);
		ok = ok && goes_on(count);
	}
	guest_check(ok, "unmapped-is-told", "message %x", m.header.type);
	guest_check(gone, "unmapped-is-gone");
	/* By 2 MiB, and then deposited: nobody's but the hypervisor's. */
	child_unmap(id, PAGE_2M, PAGE_2M, HV_UNMAP_LARGE);
	guest_check(stands(count), "unmapped-large-is-gone");
	guest_message_wait(&m);
	guest_check(m.header.type == HV_MESSAGE_UNMAPPED_GPA, "unmapped-large-is-told");
	child_end(id);
}

static void test_rights(void)
{
	const volatile u64 *count = counter_start();
	bool ok = goes_on(count), kept = true;

	for (u32 i = 0; i < 20 && ok; i++) {
		child_map(id, COUNTER, (u64)ram + COUNTER, PAGE_SIZE, HV_MAP_READ);
		kept = kept && stands(count);
		guest_message_wait(&m);
		ok = m.header.type == HV_MESSAGE_GPA_INTERCEPT;
		child_map(id, COUNTER, (u64)ram + COUNTER, PAGE_SIZE, RW);
		child_resume(id, 0);
		ok = ok && goes_on(count);
	}
	guest_check(ok, "read-only-is-told", "message %x", m.header.type);
	guest_check(kept, "read-only-is-kept");
	child_end(id);
}

/* Split by a neighbour's going, joined by its coming, a hundred times a second. */
static void test_joining(void)
{
	const volatile u64 *count = counter_start();
	u64 available, before = 0, used = 0;
	bool ok = goes_on(count);

	(void)child_balance(id, &available, &before);
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 at = COUNTER + (1 + i) % 512 * PAGE_SIZE;

		if (at == COUNTER)
			continue;
		child_unmap(id, at, PAGE_SIZE, 0);
		child_map(id, at, (u64)ram + at, PAGE_SIZE, HV_MAP_ALL);
		if (i % 16 == 0)
			ok = ok && goes_on(count);
	}
	(void)child_balance(id, &available, &used);
	guest_check(ok && goes_on(count), "joining");
	guest_check(used == before, "joined", "%lu pages, then %lu", before, used);
	/* Ended while it runs. */
	child_end(id);
	guest_check(stands(count), "ended");
}

void guest_main(void)
{
	guest_messages_init();
	test_log();
	test_log_of_a_runner();
	test_unmapping();
	test_rights();
	test_joining();
}
