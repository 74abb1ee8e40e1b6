/* SPDX-License-Identifier: MIT */
/*
 * Code that changes: at one address exiting instructions of different lengths
 * come and go, written in place and through another mapping of the page. What
 * the hypervisor remembers of an address (the length of the instruction there)
 * must hold for the bytes that ran, not for those that were there before.
 * child: svm-smp1-bios vmx-smp1
 */
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/msr.h"

#define ROUNDS  10u
#define PORT    0x80u
#define LENGTH  4u
#define FOLLOWS 4u
#define CODES   ((u32)ARRAY_SIZE(codes))

/* Each is followed by MOV R8B, its number; RET. A wrong length ends elsewhere. */
static const struct {
	u8 size;
	u8 bytes[LENGTH];
	u64 rcx;
} codes[] = {
	{ 1, { 0xec }, 0 },                               /* IN AL, DX */
	{ 2, { 0x66, 0xed }, 0 },                         /* IN AX, DX */
	{ 2, { 0xe4, PORT }, 0 },                         /* IN AL, 0x80 */
	{ 2, { 0x0f, 0xa2 }, 0 },                         /* CPUID */
	{ 3, { 0x2e, 0x0f, 0xa2 }, 0 },                   /* CS CPUID */
	{ 4, { 0x66, 0x3e, 0x0f, 0xa2 }, 0 },             /* the same with two prefixes */
	{ 2, { 0x0f, 0x32 }, MSR_APIC_BASE },             /* RDMSR */
	{ 4, { 0x36, 0x48, 0x0f, 0x32 }, MSR_APIC_BASE }, /* SS REX.W RDMSR */
	{ 3, { 0x0f, 0x1f, 0x00 }, 0 },                   /* NOP, which does not exit */
};

static u8 place[PAGE_SIZE] __aligned(PAGE_SIZE);

static void write_code(u8 *at, u32 n)
{
	const u8 follows[FOLLOWS] = { 0x41, 0xb0, (u8)(n + 1), 0xc3 };

	memcpy(at, codes[n].bytes, codes[n].size);
	memcpy(at + codes[n].size, follows, FOLLOWS);
}

static u32 failed, last;

static void round(u32 n, u8 *written_at)
{
	struct guest_regs r = { .rcx = codes[n].rcx, .rdx = PORT };

	write_code(written_at, n);
	guest_execute(place, &r);
	if ((u8)r.r8 == n + 1)
		return;
	failed++;
	last = n;
}

/* Each before each. */
static void run(void *alias)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		for (u32 first = 0; first < CODES; first++) {
			for (u32 second = 0; second < CODES; second++) {
				round(first, alias);
				round(second, alias);
			}
		}
	}
}

static void test(const char *name, u8 *alias)
{
	struct guest_fault f;

	failed = 0;
	f = guest_try(run, alias);
	guest_check(f.vector == GUEST_NO_FAULT && !failed, name,
		"vector %u at %lx, wrong %u times, last code %u", f.vector, f.rip, failed, last);
}

void guest_main(void)
{
	test("in-place", place);
	test("by-another-mapping", (u8 *)guest_phys(place));
}
