/* SPDX-License-Identifier: MIT */
/*
 * Random hypercalls and MSR accesses (lib/fuzz.c) of a child of this kernel, of
 * a child of the shipped root, and in the root's place. How many and from
 * which seed: fuzz-count=N fuzz-seed=N on the command line. Afterwards whoever
 * made the child still answers, and all of its memory is back.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 vmx-smp2 ryzen-smp1
 * child: svm-smp1-bios vmx-smp1
 * soak: fuzz-count=10000000
 */
#include "base/assert.h"
#include "hv/cpuid.h"
#include "hv/message.h"
#include "hv/msr.h"
#include "lib/cmdline.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/fuzz.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/io.h"
#include "x86/msr.h"

#define COUNT       100000u
#define BLOCK       100000u /* for a sign of life */
#define SEED        0x9e3779b97f4a7c15ull
#define DONE_PORT   0x80u
#define CHILD_PAGES 40u
#define STACK_SIZE  16384u
#define GIFTS       64u
#define QUIET_US    1000u
#define ALL_CHILD   0x0020003200000e7full /* all privileges that a child can have */

extern u8 image_start[], image_end[];

static struct fuzz fuzz;
static u64 count;
static u8 stack[STACK_SIZE] __aligned(16), second_stack[STACK_SIZE] __aligned(16);

static u64 option(const char *name, u64 value)
{
	char text[24];

	if (cmdline_get((const char *)guest_start_info->cmdline, name, text, sizeof(text)) != 0)
		return value;
	value = 0;
	for (const char *p = text; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (u64)(*p - '0');
	return value;
}

static void tell(const char *name, const struct fuzz *f)
{
	guest_print("fuzz %s: %lu calls, %lu well, statuses %lx %lx %lx, %lu accesses, %lu #GP\r\n",
		name, f->calls, f->successes, f->statuses[0], f->statuses[1], f->statuses[2],
		f->accesses, f->faults);
	guest_check(!f->failure, name, "%s: %lx with %lx %lx: %lx after %lu calls, %lu accesses",
		f->failure, f->what, f->value[0], f->value[1], f->result, f->calls, f->accesses);
	guest_check(f->failure || (f->calls && f->successes && f->faults < f->accesses),
		"some-succeed", "%lu of %lu", f->successes, f->calls);
}

/* By itself, as long as it goes well. */
static void run_here(const char *name, u64 n)
{
	fuzz.seed = option("fuzz-seed", SEED);
	fuzz_begin();
	while (n && fuzz_run(&fuzz, MIN(n, BLOCK))) {
		n -= MIN(n, BLOCK);
		tell(name, &fuzz);
	}
	fuzz_end();
	if (fuzz.failure)
		tell(name, &fuzz);
}

/*
 * The child is a copy of this kernel: its image at the same address, and nothing
 * else. It begins here, and ends with an OUT.
 */
_Noreturn static void child_main(void)
{
	fuzz_begin();
	(void)fuzz_run(&fuzz, count);
	for (;;)
		out8(DONE_PORT, 0);
}

/* Another VP of it, to be flushed and interrupted all the time. */
_Noreturn static void child_second(void)
{
	for (;;)
		cpu_pause();
}

static struct hv_register_assoc word(u32 name, u64 v)
{
	return (struct hv_register_assoc){ .name = name, .value = { .wide = { v } } };
}

/* VP @vp in our own tables, at @rip. */
static void prepare(u64 id, u32 vp, void (*rip)(void), const u8 *stack_top)
{
	extern u64 gdt[8];
	struct desc_ptr idt;
	struct hv_register_assoc list[5];

	idt_store(&idt);
	child_machine_vp(id, vp, (u64)rip, (u64)stack_top - 8);
	list[0] = word(HV_X64_REGISTER_CR3, cr3_read());
	list[1] = (struct hv_register_assoc){
		.name = HV_X64_REGISTER_IDTR,
		.value = { .table = { .limit = idt.limit, .base = idt.base } },
	};
	list[2] = (struct hv_register_assoc){
		.name = HV_X64_REGISTER_GDTR,
		.value = { .table = { .limit = sizeof(gdt) - 1, .base = (u64)gdt } },
	};
	list[3] = word(HV_X64_REGISTER_CR4, cr4_read());
	list[4] = word(HV_REGISTER_INTERNAL_ACTIVITY, 0);
	assert(child_set_registers(id, vp, list, ARRAY_SIZE(list)) == CHILD_DONE(ARRAY_SIZE(list)));
}

/* The place of @p of ours in the child's copy at @copy. */
static void *in_copy(u64 copy, const void *p)
{
	return (void *)(copy + ((u64)p - (u64)image_start));
}

static u64 child_begin(u64 *copy)
{
	u64 size = ALIGN_UP((u64)(image_end - image_start), PAGE_SIZE);
	u64 id;

	child_privileges = ALL_CHILD;
	id = child_make(CHILD_PAGES);
	child_privileges = 0;
	*copy = guest_ram(size, PAGE_SIZE);
	fuzz.seed = option("fuzz-seed", SEED);
	memcpy((void *)*copy, image_start, size);
	child_map(id, guest_load, *copy, size, (u32)HV_MAP_ALL);
	child_deposit_pages(id, CHILD_PAGES);
	for (u32 i = 0; i < 2; i++)
		assert(child_create_vp(id, i) == HV_STATUS_SUCCESS);
	prepare(id, 0, child_main, stack + sizeof(stack));
	prepare(id, 1, child_second, second_stack + sizeof(second_stack));
	return id;
}

/* Sleeps until it says that it is done; what it says instead is a failure. */
static bool wait_done(u64 id, const struct fuzz *its)
{
	const struct hv_io_intercept *io;
	struct hv_message m;
	u64 told = BLOCK;

	io = (const void *)m.payload;
	while (!guest_message_poll(&m)) {
		guest_sleep_us(QUIET_US);
		if (its->calls < told)
			continue;
		told += BLOCK;
		guest_pass("under-way");
	}
	if (m.header.type == HV_MESSAGE_IO_PORT && m.header.sender == id && io->port == DONE_PORT)
		return true;
	guest_fail("child", "message %x at %lx after %lu calls", m.header.type, io->header.rip,
		its->calls);
	return false;
}

static void run_child(void)
{
	u64 copy, available, in_use, pages;
	u64 id = child_begin(&copy);
	const struct fuzz *its = in_copy(copy, &fuzz);

	if (guest_bootinfo->processors > 1)
		child_release(id, 1);
	child_release(id, 0);
	if (wait_done(id, its))
		tell("child", its);
	/* We are still there, and so is the child's balance. */
	guest_check(guest_hypercall(HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST, 1, 0) == 0,
		"parent-answers");
	guest_check(child_balance(id, &available, &in_use) == 0 &&
			    available + in_use == 2 * CHILD_PAGES,
		"balance", "%lu and %lu", available, in_use);
	child_unmap(id, guest_load, ALIGN_UP((u64)(image_end - image_start), PAGE_SIZE), 0);
	pages = child_end(id);
	guest_check(pages == 2 * CHILD_PAGES, "all-back", "%lu", pages);
	guest_check(child_pages_zero(), "zero");
}

/* What the fuzzer made in the root's place goes, and the gifts are ours again. */
static void clean_up(u64 gifts)
{
	u64 id, available, in_use;
	bool ours = true;

	while (child_next(HV_PARTITION_SELF, 0, &id) == HV_STATUS_SUCCESS && id) {
		u64 result = child_call(HV_CALL_FINALIZE_PARTITION, id);

		assert(result == HV_STATUS_SUCCESS || result == HV_STATUS_INVALID_PARTITION_STATE);
		(void)child_withdraw_all(id);
		assert(child_call(HV_CALL_DELETE_PARTITION, id) == HV_STATUS_SUCCESS);
	}
	(void)child_withdraw_all(HV_PARTITION_SELF);
	guest_check(child_balance(HV_PARTITION_SELF, &available, &in_use) == 0 &&
			    available + in_use == 0,
		"own-balance", "%lu and %lu", available, in_use);
	for (u64 i = 0; i < GIFTS; i++) {
		volatile u64 *page = (volatile u64 *)(gifts + i * PAGE_SIZE);

		*page = i;
		ours = ours && *page == i;
	}
	guest_check(ours, "gifts-back");
}

static void run_root(void)
{
	u64 gifts = guest_ram(GIFTS * PAGE_SIZE, PAGE_SIZE);

	fuzz = (struct fuzz){ .root = true, .gift_gpfn = gifts >> PAGE_SHIFT, .gift_count = GIFTS };
	run_here("root", count);
	clean_up(gifts);
}

void guest_main(void)
{
	count = option("fuzz-count", COUNT);
	if (!(cpuid(HV_CPUID_FEATURES, 0).ebx & HV_CREATE_PARTITIONS)) {
		run_here("child-of-root", count);
		return;
	}
	guest_messages_init();
	run_child();
	run_root();
}
