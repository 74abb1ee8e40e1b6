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
#include "lib/cmdline.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/fuzz_child.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"

#define COUNT       100000u
#define COUNT_SLOW  20000u  /* where processors are emulated in turns, or thoroughly */
#define BLOCK       100000u /* for a sign of life */
#define SEED        0x9e3779b97f4a7c15ull
#define CHILD_PAGES 40u
#define GIFTS       64u
#define QUIET_US    1000u

static struct fuzz fuzz;
static u64 count;

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
	if (m.header.type == HV_MESSAGE_IO_PORT && m.header.sender == id &&
		io->port == FUZZ_CHILD_PORT)
		return true;
	guest_fail("child", "message %x at %lx after %lu calls", m.header.type, io->header.rip,
		its->calls);
	return false;
}

static void run_child(void)
{
	u64 available, in_use, pages;
	struct fuzz_child c;

	fuzz_child_begin(&c, option("fuzz-seed", SEED), count, guest_bootinfo->processors > 1);
	if (wait_done(c.self.id, c.fuzz))
		tell("child", c.fuzz);
	/* We are still there, and so is the child's balance. */
	guest_check(guest_hypercall(HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST, 1, 0) == 0,
		"parent-answers");
	guest_check(child_balance(c.self.id, &available, &in_use) == 0 &&
			    available + in_use == FUZZ_CHILD_PAGES,
		"balance", "%lu and %lu", available, in_use);
	pages = fuzz_child_end(&c);
	guest_check(pages == FUZZ_CHILD_PAGES, "all-back", "%lu", pages);
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
	bool slow = !guest_is_child() &&
		    (guest_bootinfo->processors > 1 || (!guest_is_vmx() && !guest_is_qemu()));

	count = option("fuzz-count", slow ? COUNT_SLOW : COUNT);
	if (!(cpuid(HV_CPUID_FEATURES, 0).ebx & HV_CREATE_PARTITIONS)) {
		run_here("child-of-root", count);
		return;
	}
	guest_messages_init();
	run_child();
	run_root();
}
