/* SPDX-License-Identifier: MIT */
/*
 * INIT and SIPI between the VPs of the root's place: they start in real mode,
 * and by hypercall again after an INIT. The first VP has nowhere to start.
 * machines: svm-smp2-bios vmx-smp2
 */
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define PAGE  0x70u /* below 1 MiB: a SIPI's vector */
#define COUNT 0x100u
#define INIT  (APIC_DM_INIT << 8)
#define SIPI  (APIC_DM_STARTUP << 8 | PAGE)

/* lock incw %cs:COUNT; sti; 1: hlt; jmp 1b */
static const u8 code[] = { 0x2e, 0xf0, 0xff, 0x06, 0x00, 0x01, 0xfb, 0xf4, 0xeb, 0xfd };

static u8 *page = (u8 *)(PAGE * PAGE_SIZE);
static u32 ups;

static void send(u32 vp, u32 low)
{
	msr_write(HV_MSR_ICR, (u64)guest_bootinfo->apic_ids[vp] << 56 | APIC_ICR_ASSERT | low);
}

static bool count_is(u16 n)
{
	u64 end = rdtsc() + 2 * guest_tsc_hz();

	while (*(const volatile u16 *)(void *)(page + COUNT) < n && rdtsc() < end)
		cpu_pause();
	return *(const volatile u16 *)(void *)(page + COUNT) == n;
}

static void life(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ups, 1u);
	for (;;)
		irq_wait();
}

static bool is_up(u32 n)
{
	u64 end = rdtsc() + 2 * guest_tsc_hz();

	while (load_acquire(&ups) < n && rdtsc() < end)
		cpu_pause();
	return load_acquire(&ups) == n;
}

/* It may not have done its INIT yet. */
static enum hv_status start_by_call(void)
{
	enum hv_status status;
	u32 tries = 0;

	do {
		status = guest_start_vp(1, life, NULL);
		guest_delay_us(1000);
	} while (status == HV_STATUS_INVALID_VP_STATE && ++tries < 100);
	return status;
}

static void test_first_vp(void)
{
	struct guest_log_mark mark = guest_log_mark();

	send(0, INIT);
	guest_check(guest_log_says(mark, "ignored"), "first-vp");
}

void guest_main(void)
{
	memset(page, 0, PAGE_SIZE);
	memcpy(page, code, sizeof(code));
	send(1, INIT);
	send(1, SIPI);
	guest_check(count_is(1), "sipi");
	send(1, SIPI);
	guest_delay_us(2000);
	guest_check(count_is(1), "sipi-again");
	for (u16 i = 2; i < 20; i++) {
		send(1, INIT);
		send(1, SIPI);
		if (!count_is(i))
			guest_fail("init", "%u", i);
	}
	guest_pass("init");
	for (u32 i = 1; i < 4; i++) {
		enum hv_status status;

		send(1, INIT);
		status = start_by_call();
		guest_check(status == HV_STATUS_SUCCESS && is_up(i), "call", "%x", status);
	}
	guest_check(guest_start_vp(1, life, NULL) == HV_STATUS_INVALID_VP_STATE, "call-running");
	test_first_vp();
}
