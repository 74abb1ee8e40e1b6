/* SPDX-License-Identifier: MIT */
/*
 * A child that does one thing: what its command line says, for the tests of
 * the command `vm` (tests/e2e/test_vm.py).
 * machines: none
 */
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/io.h"
#include "x86/msr.h"
#include "x86/xsave.h"

#define COM1          0x3f8u
#define SLEEP_CONTROL 0x600u
#define SLEEP_S5      0x34u /* type 5 and enable */
#define RESET_CONTROL 0xcf9u
#define KEYBOARD      0x64u
#define NOTHING       0xd0000000u /* between RAM and 4 GiB */
#define COUNT_US      20000u
#define TALLY_US      500000u
#define SIPI_PAGE     0x70u
#define FREE_RAM      (16 * MIB) /* of a child with 32 MiB */
#define FREE_RAM_END  (32 * MIB)
#define XSTATE_X87    BIT(0)
#define XSTATE_SSE    BIT(1)
#define XSTATE_AVX    BIT(2)
#define CPUID_AVX     BIT(28)
#define FCW_DEFAULT   0x37fu
#define MXCSR_DEFAULT 0x1f80u

static u32 vps_up;

_Noreturn static void spin(void)
{
	for (;;)
		cpu_pause();
}

/* A line each 20 ms of the TSC: a number, and reference time in 100 ns. */
static void count(void)
{
	for (u64 i = 1;; i++) {
		guest_print("count %lu at %lu\r\n", i, msr_read(HV_MSR_TIME_REF_COUNT));
		guest_delay_us(COUNT_US);
	}
}

static void flood(void)
{
	for (u64 i = 0;; i++)
		guest_print("flood %lu, a line like many others of the same child\r\n", i);
}

static void calls(void)
{
	for (;;)
		(void)guest_hypercall(HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST, 1, 0);
}

/* Each of these exits goes to the worker. */
static void ports(void)
{
	for (;;)
		out8(0x80, 0);
}

static void idle(void)
{
	for (;;)
		irq_wait();
}

static void halt(void)
{
	irq_disable();
	for (;;)
		cpu_halt();
}

static void sleep(void)
{
	out8(SLEEP_CONTROL, SLEEP_S5);
}

static void reset(void)
{
	out8(RESET_CONTROL, 2);
	out8(RESET_CONTROL, 6);
}

static void reset_by_keyboard(void)
{
	out8(KEYBOARD, 0xfe);
}

static void reset_by_msr(void)
{
	msr_write(HV_MSR_RESET, HV_RESET_PARTITION);
}

/* Last words, as a kernel's in its panic; then it starts again. */
static void crash(void)
{
	static const char text[] = "one line\nand \033[2Janother\n";

	for (u32 i = 0; i < 3; i++)
		msr_write(HV_MSR_CRASH_P(i), i + 1);
	msr_write(HV_MSR_CRASH_P(3), guest_phys(text));
	msr_write(HV_MSR_CRASH_P(4), sizeof(text) - 1);
	msr_write(HV_MSR_CRASH_CTL, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
	guest_print("told\r\n");
	reset_by_msr();
}

static void triple(void)
{
	struct desc_ptr none = { 0, 0 };

	idt_load(&none);
	__builtin_trap();
}

/* Bytes of ones are no instruction, and there is no handler for that either. */
static void jump(void)
{
	struct desc_ptr none = { 0, 0 };

	idt_load(&none);
	((void (*)(void))(u64)NOTHING)();
}

/* No page tables any more: neither for the code nor for the handler of that. */
static void tables(void)
{
	cr3_write(NOTHING);
}

/* An exception with its frame where nothing is. */
static void stack(void)
{
	guest_ist(VEC_UD, 1, NOTHING + PAGE_SIZE);
	__builtin_trap();
}

/* Words of its RAM behind the loader's that are not zero. */
static u64 words_set(void)
{
	u64 n = 0;

	for (const volatile u64 *p = (const volatile u64 *)FREE_RAM; p < (u64 *)FREE_RAM_END; p++)
		n += *p != 0;
	return n;
}

static void look(void)
{
	guest_print("look %lu\r\n", words_set());
	spin();
}

static void fill(void)
{
	memset((void *)FREE_RAM, 0xa5, FREE_RAM_END - FREE_RAM);
	look();
}

static u8 loaded[PAGE_SIZE] __aligned(64), seen[PAGE_SIZE] __aligned(64);

/* The same byte in all registers of x87, SSE and AVX; areas as XSAVE's. */
static u64 fpu_fill(u8 byte)
{
	u64 mask = XSTATE_X87 | XSTATE_SSE | (cpuid(1, 0).ecx & CPUID_AVX ? XSTATE_AVX : 0);

	*(u16 *)(void *)loaded = FCW_DEFAULT;
	loaded[4] = 0xff;
	*(u32 *)(void *)(loaded + 24) = MXCSR_DEFAULT;
	for (u32 i = 0; i < 8; i++)
		memset(loaded + 32 + 16 * i, byte, 10);
	memset(loaded + 160, byte, 256);
	if (mask & XSTATE_AVX)
		memset(loaded + 576, byte, 256);
	*(u64 *)(void *)(loaded + 512) = mask;
	return mask;
}

/* Its registers hold what it alone put there, whoever else ran meanwhile. */
static void fpu(void)
{
	u8 byte = (u8)rdtsc();
	u64 mask;

	cr4_write(cr4_read() | CR4_OSFXSR | CR4_OSXSAVE);
	mask = fpu_fill(byte);
	xcr0_write(mask);
	for (u64 i = 1;; i++) {
		xrstor(loaded, mask);
		guest_delay_us(COUNT_US);
		xsave(seen, mask);
		if (memcmp(loaded + 32, seen + 32, 384) || memcmp(loaded + 576, seen + 576, 256))
			guest_print("fpu lost %x\r\n", byte);
		else
			guest_print("fpu kept %lu\r\n", i);
	}
}

static void vp_main(void *arg)
{
	(void)arg;
	atomic_fetch_add(&vps_up, 1);
	spin();
}

/* Starts VPs for as long as there are some. */
static void cpus(void)
{
	u32 n = 1;

	while (n < 64 && guest_start_vp(n, vp_main, NULL) == HV_STATUS_SUCCESS)
		n++;
	while (load_acquire(&vps_up) < n - 1)
		cpu_pause();
	guest_print("cpus %u\r\n", n);
	spin();
}

/* lock incw %cs:0x100; sti; 1: hlt; jmp 1b: 16-bit, at SIPI_PAGE, the count behind it. */
static const u8 sipi_code[] = { 0x2e, 0xf0, 0xff, 0x06, 0x00, 0x01, 0xfb, 0xf4, 0xeb, 0xfd };

static void send_ipi(u32 to, u32 low)
{
	msr_write(HV_MSR_ICR, (u64)to << 56 | APIC_ICR_ASSERT | low);
}

static bool there_is(u32 vp)
{
	struct {
		struct hv_vp_index_from_apic_id_input in;
		u64 apic_id;
	} block = { { .partition_id = HV_PARTITION_SELF }, vp };
	u32 index;

	return HV_RESULT_STATUS(guest_hypercall_block(
		       HV_CALL_GET_VP_INDEX_FROM_APIC_ID | HV_CONTROL_REPS(1, 0), &block,
		       sizeof(block.in) + sizeof(u32), &index, sizeof(index))) == HV_STATUS_SUCCESS;
}

/* The odd VPs by hypercall, the others by INIT and SIPI. */
static void starts(void)
{
	u8 *page = (u8 *)(SIPI_PAGE * PAGE_SIZE);
	const volatile u16 *count = (const volatile u16 *)(void *)(page + 0x100);
	u32 n = 1;

	memset(page, 0, PAGE_SIZE);
	memcpy(page, sipi_code, sizeof(sipi_code));
	for (; n < 64 && there_is(n); n++) {
		if (n % 2) {
			(void)guest_start_vp(n, vp_main, NULL);
			continue;
		}
		send_ipi(n, APIC_DM_INIT << 8);
		send_ipi(n, APIC_DM_STARTUP << 8 | SIPI_PAGE);
	}
	while (load_acquire(&vps_up) + *count < n - 1)
		cpu_pause();
	guest_print("starts %u, %u by SIPI\r\n", n, *count);
	spin();
}

static bool key_waits(void)
{
	return in8(COM1 + 5) & 1;
}

static char key(void)
{
	while (!key_waits())
		cpu_pause();
	return (char)in8(COM1);
}

/* Counts as fast as it can, and tells how far it is when a key comes: few exits. */
static void tally(void)
{
	for (u64 n = 0;;) {
		u64 end = rdtsc() + guest_tsc_hz() / 1000000 * TALLY_US;

		while (rdtsc() < end)
			n++;
		if (!key_waits())
			continue;
		(void)key();
		guest_print("tally %lu\r\n", n);
	}
}

static void keys(void);

static const struct {
	const char *name;
	char key; /* for keys() */
	void (*act)(void);
} acts[] = {
	{ "spin", 'l', spin },
	{ "count", 'c', count },
	{ "tally", 'n', tally },
	{ "flood", 'f', flood },
	{ "calls", 'v', calls },
	{ "ports", 'p', ports },
	{ "idle", 'i', idle },
	{ "halt", 'h', halt },
	{ "sleep", 's', sleep },
	{ "reset", 'r', reset },
	{ "reset-by-keyboard", 'k', reset_by_keyboard },
	{ "reset-by-msr", 'w', reset_by_msr },
	{ "crash", 0, crash },
	{ "triple", 't', triple },
	{ "jump", 'j', jump },
	{ "tables", 'b', tables },
	{ "stack", 'u', stack },
	{ "cpus", 'm', cpus },
	{ "starts", 0, starts },
	{ "keys", 0, keys },
	{ "fill", 0, fill },
	{ "look", 0, look },
	{ "fpu", 0, fpu },
};

/* Says which keys come; Ctrl and a letter's key does that act. */
static void keys(void)
{
	for (;;) {
		char c = key();

		guest_print("key %u\r\n", (u8)c);
		for (u32 i = 0; i < ARRAY_SIZE(acts); i++)
			if (acts[i].key && (acts[i].key & 0x1f) == c)
				acts[i].act();
	}
}

void guest_main(void)
{
	const char *what = (const char *)guest_start_info->cmdline;

	for (u32 i = 0; i < ARRAY_SIZE(acts); i++) {
		if (strcmp(what, acts[i].name) != 0)
			continue;
		guest_print("act %s\r\n", what);
		acts[i].act();
		guest_fail(what, "it is still there");
		return;
	}
	guest_fail("act", "nothing is called \"%s\"", what);
}
