/* SPDX-License-Identifier: MIT */
/*
 * Memory that the root deposits: what may be, what it can still do with it,
 * what it counts, and that all of it comes back, zeroed, life cycle after life
 * cycle; and two processors after the same pages.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp2 ryzen-smp1
 */
#include "lib/string.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/desc.h"

#define CYCLES 1000u
#define PAGES  40u
#define RACES  2000u

static u64 own; /* a page that nobody has */

static void expect(const char *name, u64 result, u64 due)
{
	guest_check(result == due, name, "result %lx, not %lx", result, due);
}

static u64 status_reps(u32 status, u32 reps)
{
	return status | CHILD_DONE(reps);
}

static void expect_balance(const char *name, u64 id, u64 available, u64 in_use)
{
	u64 a = 0, u = 0, result = child_balance(id, &a, &u);

	guest_check(result == HV_STATUS_SUCCESS && a == available && u == in_use, name,
		"%lx: %lu available, %lu in use", result, a, u);
}

static void load(void *p)
{
	(void)*(volatile u64 *)p;
}

static void store(void *p)
{
	*(volatile u64 *)p = 0x5a5a5a5a5a5a5a5a;
}

static bool refused(void (*fn)(void *), u64 gpa)
{
	struct guest_log_mark before = guest_log_mark();

	return guest_try(fn, (void *)gpa).vector == VEC_GP && guest_log_says(before, "gpa=");
}

static bool all_zero(u64 gpa)
{
	const u64 *p = (const u64 *)gpa;

	for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* What is not the root's RAM, or is in use. */
static void test_refusals(void)
{
	u64 id = child_make(8), mapped = guest_ram(PAGE_SIZE, PAGE_SIZE);
	const struct {
		const char *name;
		u64 gpa;
		u16 status;
	} rows[] = {
		{ "deposit-hypervisor", (u64)guest_start_info - PAGE_SIZE,
			HV_STATUS_INVALID_PARAMETER },
		{ "deposit-shared", (u64)guest_bootinfo, HV_STATUS_INVALID_PARAMETER },
		{ "deposit-device", 0xfed00000, HV_STATUS_INVALID_PARAMETER },
		{ "deposit-ioapic", 0xfec00000, HV_STATUS_INVALID_PARAMETER },
		{ "deposit-apic", 0xfee00000, HV_STATUS_INVALID_PARAMETER },
		{ "deposit-high", 100 * GIB, HV_STATUS_INVALID_PARAMETER },
		{ "deposit-beyond", BIT(51), HV_STATUS_INVALID_PARAMETER },
		{ "deposit-hypercall-page", guest_hypercall_page(), HV_STATUS_OBJECT_IN_USE },
		{ "deposit-mapped", mapped, HV_STATUS_OBJECT_IN_USE },
	};
	u64 bad[] = { ~0ull, 1ull << 52, 1ull << 40, 1ull << 63 };

	child_map(id, 0, mapped, PAGE_SIZE, HV_MAP_ALL);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 gpfn = rows[i].gpa >> PAGE_SHIFT;

		expect(rows[i].name, child_deposit(id, &gpfn, 1), rows[i].status);
		guest_check(
			child_deposit(HV_PARTITION_SELF, &gpfn, 1) == rows[i].status, rows[i].name);
	}
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		expect("deposit-no-page", child_deposit(id, &bad[i], 1),
			HV_STATUS_INVALID_PARAMETER);
	guest_check(guest_try(store, (void *)mapped).vector == GUEST_NO_FAULT, "mapped-is-ours");
	/* The root, three tables that map the page, and nothing that was refused. */
	expect_balance("refused-takes-nothing", id, 4, 4);
	guest_check(child_end(id) == 8, "refused-all-back");
}

/* A page that was deposited is gone, for instructions and for hypercalls. */
static void test_gone(void)
{
	u64 gpfn = own >> PAGE_SHIFT, back[2] = { 0 };

	store((void *)own);
	expect("deposit", child_deposit(HV_PARTITION_SELF, &gpfn, 1), CHILD_DONE(1));
	guest_check(refused(load, own), "gone-load");
	guest_check(refused(store, own + PAGE_SIZE - 8), "gone-store");
	guest_check(guest_try(load, (void *)(own + PAGE_SIZE)).vector == GUEST_NO_FAULT,
		"gone-not-the-next");
	guest_check(guest_try(load, (void *)(own - 8)).vector == GUEST_NO_FAULT,
		"gone-not-the-one-before");
	expect("gone-output", guest_hypercall(HV_CALL_GET_PARTITION_ID, 0, own),
		HV_STATUS_INVALID_PARAMETER);
	expect("gone-input", guest_hypercall(HV_CALL_NOTIFY_LONG_SPIN_WAIT, own, 0),
		HV_STATUS_INVALID_PARAMETER);
	expect("deposit-twice", child_deposit(HV_PARTITION_SELF, &gpfn, 1),
		HV_STATUS_INVALID_PARAMETER);
	expect_balance("gone-balance", HV_PARTITION_SELF, 1, 0);
	expect("withdraw", child_withdraw(HV_PARTITION_SELF, back, 2),
		status_reps(HV_STATUS_NO_RESOURCES, 1));
	guest_check(back[0] == gpfn, "withdraw-page", "%lx", back[0]);
	guest_check(all_zero(own), "withdraw-zeroed");
	guest_check(guest_try(store, (void *)own).vector == GUEST_NO_FAULT, "withdraw-is-ours");
	expect_balance("withdraw-balance", HV_PARTITION_SELF, 0, 0);
	expect("withdraw-empty", child_withdraw(HV_PARTITION_SELF, back, 1),
		HV_STATUS_NO_RESOURCES);
}

/* What is done stays done, what is not is not: 3 pages of 5. */
static void test_counts(void)
{
	u64 base = guest_ram(5 * PAGE_SIZE, PAGE_SIZE) >> PAGE_SHIFT;
	u64 list[] = { base, base + 1, base + 2, 0xfed00, base + 4 }, back[5];
	struct {
		u64 id;
		u64 list[5];
	} in = { HV_PARTITION_SELF, { 0xfed00, 0xfed00, 0xfed00, base + 3, base + 4 } };
	struct hv_withdraw_memory_input out = { .partition_id = HV_PARTITION_SELF };

	expect("counts", child_deposit(HV_PARTITION_SELF, list, 5),
		status_reps(HV_STATUS_INVALID_PARAMETER, 3));
	guest_check(refused(load, (base + 2) << PAGE_SHIFT), "counts-third-is-gone");
	guest_check(guest_try(store, (void *)((base + 4) << PAGE_SHIFT)).vector == GUEST_NO_FAULT,
		"counts-fifth-is-not");
	expect_balance("counts-balance", HV_PARTITION_SELF, 3, 0);
	/* The elements before the start are not looked at. */
	expect("counts-from-3",
		guest_hypercall_block(
			HV_CALL_DEPOSIT_MEMORY | HV_CONTROL_REPS(5, 3), &in, sizeof(in), NULL, 0),
		CHILD_DONE(5));
	expect_balance("counts-from-3-balance", HV_PARTITION_SELF, 5, 0);
	expect("counts-withdraw-from-1",
		guest_hypercall_block(HV_CALL_WITHDRAW_MEMORY | HV_CONTROL_REPS(3, 1), &out,
			sizeof(out), back, sizeof(back)),
		CHILD_DONE(3));
	guest_check(back[0] == 0 && back[1] != 0 && back[2] != 0 && back[3] == 0,
		"counts-withdraw-places");
	out.proximity.flags = 1;
	expect("withdraw-proximity",
		guest_hypercall_block(HV_CALL_WITHDRAW_MEMORY | HV_CONTROL_REPS(1, 0), &out,
			sizeof(out), back, 8),
		HV_STATUS_INVALID_PARAMETER);
	expect("balance-proximity",
		guest_hypercall_block(HV_CALL_GET_MEMORY_BALANCE, &out, sizeof(out), back, 16),
		HV_STATUS_INVALID_PARAMETER);
	expect("counts-withdraw-rest", child_withdraw(HV_PARTITION_SELF, back, 5),
		status_reps(HV_STATUS_NO_RESOURCES, 3));
}

/* As many as fit into a block; the call goes on by itself after each 50 us. */
static void test_long(void)
{
	static u64 list[HV_DEPOSIT_MAX + 1], back[HV_WITHDRAW_MAX];
	u64 base = guest_ram(ARRAY_SIZE(list) * PAGE_SIZE, PAGE_SIZE);
	bool zeroed = true;

	for (u32 i = 0; i < ARRAY_SIZE(list); i++) {
		list[i] = (base >> PAGE_SHIFT) + i;
		store((void *)(base + i * PAGE_SIZE));
	}
	expect("deposit-511", child_deposit(HV_PARTITION_SELF, list, HV_DEPOSIT_MAX),
		CHILD_DONE(HV_DEPOSIT_MAX));
	expect_balance("deposit-511-balance", HV_PARTITION_SELF, HV_DEPOSIT_MAX, 0);
	expect("deposit-512", child_deposit(HV_PARTITION_SELF, &list[HV_DEPOSIT_MAX], 1),
		CHILD_DONE(1));
	expect("withdraw-512", child_withdraw(HV_PARTITION_SELF, back, HV_WITHDRAW_MAX),
		CHILD_DONE(HV_WITHDRAW_MAX));
	for (u32 i = 0; i < HV_WITHDRAW_MAX; i++)
		zeroed = zeroed && back[i] - list[0] < ARRAY_SIZE(list) &&
			 all_zero(back[i] << PAGE_SHIFT);
	guest_check(zeroed, "withdraw-512-zeroed");
}

/* Created, mapped, ended: every page is back, and the pool as it was. */
static bool cycle(u64 memory)
{
	u64 id = child_make(PAGES);

	child_map(id, 0, memory, PAGE_2M, HV_MAP_ALL);
	child_map(id, 16 * GIB, memory + PAGE_2M, PAGE_2M, HV_MAP_ALL | HV_MAP_LARGE);
	child_unmap(id, PAGE_SIZE, 3 * PAGE_SIZE, 0);
	return child_end(id) == PAGES;
}

static void test_cycles(void)
{
	u64 memory = guest_ram(2 * PAGE_2M, PAGE_2M);
	bool complete = cycle(memory);
	u64 left = guest_ram_left();

	for (u32 i = 0; i < CYCLES; i++)
		complete = cycle(memory) && complete;
	guest_check(complete, "cycles-complete");
	guest_check(guest_ram_left() == left, "cycles-lose-nothing", "%lu bytes lost",
		left - guest_ram_left());
	guest_check(child_pages_zero(), "cycles-zeroed");
	expect_balance("cycles-balance", HV_PARTITION_SELF, 0, 0);
}

/* Two processors want the same pages: one gets each, and none is lost. */
struct racer {
	u64 id;
	u8 *blocks; /* an input and an output page of its own */
	u64 got, lost, wrong;
	bool done;
};

static u64 contested;

static void race(struct racer *r)
{
	u64 *in = (u64 *)(void *)r->blocks;
	u64 page = (u64)r->blocks;

	for (u32 i = 0; i < RACES; i++) {
		u64 result;

		in[0] = r->id;
		in[1] = contested >> PAGE_SHIFT;
		result = guest_hypercall(
			HV_CALL_DEPOSIT_MEMORY | HV_CONTROL_REPS(1, 0), page, page + PAGE_SIZE);
		if (result == HV_STATUS_INVALID_PARAMETER) {
			r->lost++;
			continue;
		}
		r->wrong += result != CHILD_DONE(1);
		r->got++;
		in[1] = 0;
		result = guest_hypercall(
			HV_CALL_WITHDRAW_MEMORY | HV_CONTROL_REPS(1, 0), page, page + PAGE_SIZE);
		r->wrong += result != CHILD_DONE(1);
		r->wrong += in[PAGE_SIZE / sizeof(u64)] != contested >> PAGE_SHIFT;
	}
	store_release(&r->done, true);
}

/* Another processor that reads a page all the time loses it with the call's return. */
struct reader {
	u64 page;
	u64 reads; /* how often it could */
	u32 vector;
	bool done;
	bool go; /* to the race */
};

static struct reader reader;

static void read_on(void *arg)
{
	struct reader *r = arg;

	for (;;) {
		(void)*(volatile u64 *)r->page;
		store_release(&r->reads, r->reads + 1);
	}
}

static void second_vp(void *arg)
{
	reader.vector = guest_try(read_on, &reader).vector;
	store_release(&reader.done, true);
	while (!load_acquire(&reader.go))
		cpu_pause();
	race(arg);
}

static void test_gone_elsewhere(void)
{
	u64 gpfn = own >> PAGE_SHIFT, reads;

	while (load_acquire(&reader.reads) < 1000)
		cpu_pause();
	expect("elsewhere-deposit", child_deposit(HV_PARTITION_SELF, &gpfn, 1), CHILD_DONE(1));
	reads = load_acquire(&reader.reads);
	guest_delay_us(1000);
	/* One may have been under way. */
	guest_check(load_acquire(&reader.reads) <= reads + 1, "elsewhere-gone");
	for (u32 i = 0; i < 1000 && !load_acquire(&reader.done); i++)
		guest_delay_us(1000);
	guest_check(reader.done && reader.vector == VEC_GP, "elsewhere-fault", "vector %u",
		reader.vector);
	expect("elsewhere-withdraw", child_withdraw(HV_PARTITION_SELF, &gpfn, 1), CHILD_DONE(1));
}

static void test_race(void)
{
	struct racer *r = (struct racer *)guest_ram(PAGE_SIZE, PAGE_SIZE);

	if (guest_bootinfo->processors < 2)
		return;
	contested = own;
	for (u32 i = 0; i < 2; i++) {
		r[i].id = child_make(1);
		r[i].blocks = (u8 *)guest_ram(2 * PAGE_SIZE, PAGE_SIZE);
	}
	reader.page = own;
	guest_check(guest_start_vp(1, second_vp, &r[1]) == HV_STATUS_SUCCESS, "race-start");
	test_gone_elsewhere();
	if (!load_acquire(&reader.done))
		return;
	store_release(&reader.go, true);
	race(&r[0]);
	while (!load_acquire(&r[1].done))
		cpu_pause();
	for (u32 i = 0; i < 2; i++)
		guest_check(r[i].wrong == 0 && r[i].got + r[i].lost == RACES,
			i ? "race-other" : "race-self", "%lu got, %lu lost, %lu wrong", r[i].got,
			r[i].lost, r[i].wrong);
	guest_check(r[0].got + r[1].got > 0, "race-somebody");
	guest_check(all_zero(own), "race-page");
	guest_check(child_end(r[0].id) == 1 && child_end(r[1].id) == 1, "race-ends");
}

/*
 * A child that lays its hypercall page over 1000 places, one by one, needs the
 * tables of one place at a time.
 */
static void test_overlays(void)
{
	static const u8 code[] = {
		0xb9, 0x00, 0x00, 0x00, 0x40,       /* MOV ECX, HV_MSR_GUEST_OS_ID */
		0xb8, 0x01, 0x00, 0x00, 0x00,       /* MOV EAX, 1 */
		0x31, 0xd2, 0x0f, 0x30,             /* XOR EDX, EDX; WRMSR */
		0xff, 0xc1,                         /* INC ECX */
		0xbe, 0xe8, 0x03, 0x00, 0x00,       /* MOV ESI, 1000 */
		0xbf, 0x01, 0x00, 0x20, 0x00,       /* MOV EDI, 2 MiB + 1 */
		0x89, 0xf8, 0x0f, 0x30,             /* again: MOV EAX, EDI; WRMSR */
		0x31, 0xc0, 0x0f, 0x30,             /* XOR EAX, EAX; WRMSR */
		0x81, 0xc7, 0x00, 0x00, 0x20, 0x00, /* ADD EDI, 2 MiB */
		0xff, 0xce, 0x75, 0xee,             /* DEC ESI; JNZ again */
		0xe6, 0x80,                         /* OUT 0x80, AL */
	};
	struct hv_message m;
	u8 *ram;
	u64 id = child_machine(code, sizeof(code), 4 * MIB, &ram);

	guest_messages_init();
	child_release(id, 0);
	guest_message_wait(&m);
	guest_check(m.header.type == HV_MESSAGE_IO_PORT, "overlays", "%x, %lu to go", m.header.type,
		child_register(id, 0, HV_X64_REGISTER_RAX + 6));
	child_end(id);
}

void guest_main(void)
{
	own = guest_ram(3 * PAGE_SIZE, PAGE_SIZE) + PAGE_SIZE;
	(void)guest_hypercall_page();
	test_refusals();
	test_gone();
	test_counts();
	test_long();
	test_cycles();
	test_overlays();
	test_race();
}
