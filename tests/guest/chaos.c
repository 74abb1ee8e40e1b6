/* SPDX-License-Identifier: MIT */
/*
 * Children that run random code in random states: whatever they do, they are
 * stopped, or their parent hears of it, and all their memory comes back.
 * DR7 is left alone: VMRUN of QEMU exchanges it without its breakpoints, and
 * the emulator itself ends at the next change. On VT-x by hand, for its time.
 * machines: svm-smp2-bios
 */
#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"

#define RAM        (4 * MIB)
#define CODE_SIZE  0x1000u
#define LIVES      20u
#define LIVES_SLOW 6u
#define ROUNDS     20u
#define VPS        2u

static u64 seed = 0x9e3779b97f4a7c15;

static u64 any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

/* What random bytes seldom hit. */
static const u8 pieces[][8] = {
	{ 0x0f, 0x30 },             /* WRMSR */
	{ 0x0f, 0x32 },             /* RDMSR */
	{ 0x0f, 0xa2 },             /* CPUID */
	{ 0x0f, 0x01, 0xc1 },       /* VMCALL */
	{ 0x0f, 0x01, 0xd9 },       /* VMMCALL */
	{ 0x0f, 0x01, 0xd1 },       /* XSETBV */
	{ 0x0f, 0x22, 0xc0 },       /* MOV CR0, RAX */
	{ 0x0f, 0x22, 0xe0 },       /* MOV CR4, RAX */
	{ 0x0f, 0x22, 0xd8 },       /* MOV CR3, RAX */
	{ 0x44, 0x0f, 0x22, 0xc0 }, /* MOV CR8, RAX */
	{ 0x0f, 0x23, 0xf0 },       /* MOV DR6, RAX */
	{ 0x0f, 0x20, 0xc0 },       /* MOV RAX, CR0 */
	{ 0x0f, 0x20, 0xe0 },       /* MOV RAX, CR4 */
	{ 0x0f, 0x00, 0xd8 },       /* LTR AX */
	{ 0x0f, 0x01, 0x18 },       /* LIDT [RAX] */
	{ 0xfb, 0xf4 },             /* STI; HLT */
	{ 0xf4 }, { 0xfb }, { 0xcd, 0x80 }, { 0xcc }, { 0xf1 }, { 0x9d }, { 0xcf },
	{ 0x8e, 0xd0 }, /* MOV SS, EAX */
	{ 0xf3, 0x6e }, /* REP OUTSB */
	{ 0xb9, 0x00, 0x00, 0x00, 0x40 }, { 0xb9, 0x01, 0x00, 0x00, 0x40 },
	{ 0xb9, 0x83, 0x00, 0x00, 0x40 }, { 0xb9, 0x71, 0x00, 0x00, 0x40 },
	{ 0xb9, 0x80, 0x00, 0x00, 0xc0 }, { 0xb9, 0x1b, 0x00, 0x00, 0x00 },
	{ 0xb9, 0x30, 0x08, 0x00, 0x00 }, { 0xb8, 0x01, 0x10, 0x00, 0x00 },
	{ 0xb8, 0x02, 0x00, 0x00, 0x00 }, { 0x31, 0xd2 }, { 0xbb, 0x00, 0x00, 0xe0, 0xfe },
	{ 0x89, 0x83, 0x00, 0x03, 0x00, 0x00 }, /* MOV [RBX+0x300], EAX */
	{ 0x89, 0x83, 0x20, 0x03, 0x00, 0x00 }, { 0x89, 0x83, 0x80, 0x03, 0x00, 0x00 },
	{ 0x89, 0x83, 0xf0, 0x00, 0x00, 0x00 }, { 0x0f, 0x09 }, { 0x0f, 0xae, 0x28 }, /* XRSTOR */
};

static void fill(u8 *code, u32 size)
{
	u32 at = 0;

	while (at + 8 < size) {
		const u8 *piece = pieces[any() % ARRAY_SIZE(pieces)];
		u32 n = 8;

		if (any() % 8 == 0) {
			code[at++] = (u8)any();
			continue;
		}
		while (n > 1 && !piece[n - 1])
			n--;
		/* Immediates may end in zeros. */
		if (piece[0] >= 0xb8 && piece[0] <= 0xbf)
			n = 5;
		if (n > 3 && piece[0] == 0x89)
			n = 6;
		memcpy(code + at, piece, n);
		at += n;
	}
}

static const u32 names[] = {
	HV_REGISTER_PENDING_INTERRUPTION,
	HV_REGISTER_INTERRUPT_STATE,
	HV_REGISTER_INTERNAL_ACTIVITY,
	HV_X64_REGISTER_RIP,
	HV_X64_REGISTER_RFLAGS,
	HV_X64_REGISTER_CR0,
	HV_X64_REGISTER_CR3,
	HV_X64_REGISTER_CR4,
	HV_X64_REGISTER_CR8,
	HV_X64_REGISTER_EFER,
	HV_X64_REGISTER_XFEM,
	HV_X64_REGISTER_DR6,
	HV_X64_REGISTER_ES,
	HV_X64_REGISTER_ES + 1,
	HV_X64_REGISTER_ES + 2,
	HV_X64_REGISTER_ES + 7,
	HV_X64_REGISTER_GDTR,
	HV_X64_REGISTER_APIC_BASE,
	HV_X64_REGISTER_PAT,
	HV_X64_REGISTER_XMM_CONTROL,
	HV_X64_REGISTER_FP_CONTROL,
	HV_REGISTER_SIMP,
	HV_REGISTER_SCONTROL,
	HV_REGISTER_HYPERCALL,
	HV_REGISTER_GUEST_OS_ID,
};

/* A bit or two of a register or two are others. */
static void disturb(u64 id, u32 vp)
{
	for (u64 n = any() % 4; n > 0; n--) {
		struct hv_register_assoc one = { .name = names[any() % ARRAY_SIZE(names)] };

		(void)child_get_registers(id, vp, &one.name, &one.value, 1);
		one.value.wide[any() % 2] ^= BIT(any() % 64);
		one.value.wide[0] ^= BIT(any() % 16);
		(void)child_set_registers(id, vp, &one, 1);
	}
}

static void gprs(u64 id, u32 vp)
{
	for (u32 i = 0; i < 16; i++)
		if (i != 4)
			child_register_set(id, vp, HV_X64_REGISTER_RAX + i,
				any() % 4 ? any() % 0x20000 : any());
}

static void again(u64 id, u32 vp)
{
	struct hv_register_assoc go = { .name = HV_REGISTER_INTERCEPT_SUSPEND };

	child_suspend(id, vp);
	child_machine_vp(id, vp, CHILD_CODE + any() % 256, CHILD_STACK - vp * 0x800);
	gprs(id, vp);
	disturb(id, vp);
	(void)child_set_registers(id, vp, &go, 1);
	child_release(id, vp);
}

static u32 heard;

/* Faults and interrupts lead on in the same code. */
static void live(u64 id, u8 *ram)
{
	struct hv_message m;

	for (u32 round = 0; round < ROUNDS; round++) {
		fill(ram + CHILD_CODE, CODE_SIZE);
		for (u32 i = 0; i < 256; i++)
			child_gate(ram, (u8)i, CHILD_CODE + any() % CODE_SIZE);
		for (u32 i = 0; i < VPS; i++)
			again(id, i);
		guest_sleep_us(300);
		while (guest_message_poll(&m))
			heard++;
	}
}

/* One child's whole life; gives the pages that come back. */
static u64 child(u32 n)
{
	static const u8 none[16];
	u64 id, pages;
	u8 *ram;

	id = child_machine(none, sizeof(none), RAM, &ram);
	(void)child_set(id, HV_PROPERTY_UNIMPLEMENTED_MSR, n & 1);
	(void)child_install(id, HV_INTERCEPT_MSR, n >> 1 & 3, 0);
	(void)child_install(id, HV_INTERCEPT_EXCEPTION, HV_INTERCEPT_EXEC, n % 32);
	child_add_vp(id, 1, CHILD_CODE, CHILD_STACK);
	live(id, ram);
	child_unmap(id, 0, RAM, 0);
	pages = child_end(id);
	guest_check(child_pages_zero(), "zero", "life %u", n);
	return pages;
}

void guest_main(void)
{
	u32 lives = guest_is_qemu() ? LIVES : LIVES_SLOW;
	u64 pages = 0;

	guest_messages_init();
	for (u32 i = 0; i < lives; i++) {
		u64 back = child(i);

		pages = pages ? pages : back;
		guest_check(back == pages, "all-back", "%lu, not %lu, life %u", back, pages, i);
	}
	guest_check(heard >= lives, "heard", "%u", heard);
}
