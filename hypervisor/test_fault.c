/* SPDX-License-Identifier: MIT */
/*
 * Bugs of every kind, made on purpose. Each goes a few calls deep, so that
 * there is a backtrace to look at. Volatile, so that the compiler leaves them
 * in and does not see where they lead.
 */
#include "hypervisor/test_fault.h"

#include "base/assert.h"
#include "base/errno.h"
#include "boot/boot_info.h"
#include "hypervisor/apic.h"
#include "hypervisor/log.h"
#include "lib/cmdline.h"
#include "lib/string.h"
#include "x86/apic.h"

extern char image_start[];

static volatile u64 sink;

/* The identity map is gone by now. */
static void fault_page(void)
{
	sink = *(volatile u64 *)0x1234560;
}

/* Code is not written. */
static void fault_write(void)
{
	*(volatile u8 *)image_start = 0;
}

/* Nor is data run. */
static void fault_exec(void)
{
	void (*volatile fn)(void) = (void (*)(void))(u64)&sink;

	fn();
}

/* An address that is not canonical. */
static void fault_gp(void)
{
	sink = *(volatile u64 *)0x8000000000000000;
}

static void fault_ud(void)
{
	__builtin_trap();
}

static void fault_stack(void)
{
	volatile u8 small[16];
	volatile u32 size = sizeof(small) + 8;

	for (u32 i = 0; i < size; i++)
		small[i] = 0;
}

static void fault_assert(void)
{
	assert(sink > sink + 1);
}

/* Down through the guard page: the page fault finds no stack to be told on. */
static u64 deeper(u64 n)
{
	volatile u8 frame[256];

	frame[n % sizeof(frame)] = (u8)n;
	return n == ~0ull ? 0 : deeper(n + 1) + frame[0];
}

static void fault_df(void)
{
	sink = deeper(0);
}

static void fault_nmi(void)
{
	apic_send(apic_id(), APIC_DM_NMI << 8 | APIC_ICR_ASSERT);
}

static const struct {
	const char *kind;
	void (*make)(void);
} kinds[] = {
	{ "page", fault_page },
	{ "write", fault_write },
	{ "exec", fault_exec },
	{ "gp", fault_gp },
	{ "ud", fault_ud },
	{ "stack", fault_stack },
	{ "assert", fault_assert },
	{ "df", fault_df },
	{ "nmi", fault_nmi },
};

void test_fault(const struct boot_info *info)
{
	char kind[16];
	int err = cmdline_get(info->cmdline, "test-fault", kind, sizeof(kind));

	if (err == -ENOENT)
		return;
	for (u32 i = 0; !err && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kind, kinds[i].kind) == 0)
			kinds[i].make();
	log_warn("options: test-fault= takes page, write, exec, gp, ud, stack, assert, df or nmi; "
		 "there is none");
}
