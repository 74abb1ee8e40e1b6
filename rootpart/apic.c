/* SPDX-License-Identifier: MIT */
/*
 * Two ways to the local APIC, chosen once: x2APIC MSRs, or the register page
 * with the synthetic MSRs for EOI and ICR, which cost far less than a page
 * access that the hypervisor has to decode. The timer runs in TSC-deadline
 * mode where there is one. Each VP touches its own APIC only.
 */
#include "rootpart/apic.h"

#include "hv/cpuid.h"
#include "hv/msr.h"
#include "rootpart/cpu.h"
#include "rootpart/lock.h"
#include "rootpart/paging.h"
#include "rootpart/panic.h"
#include "rootpart/time.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define TIMER_DIVIDE_1 0xbu
#define COUNT_MAX      0xffffffffull
#define FACTOR_BITS    30u
#define ICR_NMI_OTHERS ((u32)(APIC_SHORTHAND_OTHERS << 18 | APIC_DM_NMI << 8 | APIC_ICR_ASSERT))

static volatile u8 *page;   /* NULL in x2APIC mode */
static bool synthetic;      /* EOI and ICR by synthetic MSRs */
static bool timer_deadline; /* TSC-deadline mode */
static u64 counts_per_ns;   /* fixed point, FACTOR_BITS binary places */

static u32 reg_read(u32 reg)
{
	if (page == NULL)
		return (u32)msr_read(MSR_X2APIC(reg));
	return mmio_read32(page + reg);
}

static void reg_write(u32 reg, u32 v)
{
	if (page == NULL)
		msr_write(MSR_X2APIC(reg), v);
	else
		mmio_write32(page + reg, v);
}

void apic_init(void)
{
	timer_deadline = cpu_features()->tsc_deadline;
	counts_per_ns = (msr_read(HV_MSR_APIC_FREQUENCY) << FACTOR_BITS) / NS_PER_S;
	if (cpu_features()->x2apic)
		return;
	synthetic = cpuid(HV_CPUID_FEATURES, 0).eax & HV_ACCESS_APIC_MSRS;
	page = paging_map_device(APIC_DEFAULT_BASE, PAGE_SIZE, PAGING_DEVICE);
	if (page == NULL)
		panic("no memory to map the local APIC");
}

void apic_init_vp(void)
{
	u64 mode = timer_deadline ? APIC_TIMER_DEADLINE : 0;

	if (page == NULL)
		msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	reg_write(APIC_TPR, 0);
	reg_write(APIC_SVR, (u32)APIC_SVR_ENABLE | VECTOR_SPURIOUS);
	if (!timer_deadline)
		reg_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_1);
	reg_write(APIC_LVT_TIMER, (u32)mode | VECTOR_TIMER);
}

u32 apic_id(void)
{
	u32 id = reg_read(APIC_ID);

	return page != NULL ? id >> 24 : id;
}

void apic_eoi(void)
{
	if (synthetic)
		msr_write(HV_MSR_EOI, 0);
	else
		reg_write(APIC_EOI, 0);
}

/* Interrupt command; @target is an APIC id. */
static void icr_write(u32 target, u32 low)
{
	if (page == NULL) {
		msr_write(MSR_X2APIC(APIC_ICR), (u64)target << 32 | low);
	} else if (synthetic) {
		msr_write(HV_MSR_ICR, (u64)target << 56 | low);
	} else {
		u64 flags = irq_save();

		reg_write(APIC_ICR_HIGH, target << 24);
		reg_write(APIC_ICR, low);
		irq_restore(flags);
	}
}

void apic_send_ipi(u32 target, u8 vector)
{
	icr_write(target, (u32)APIC_ICR_ASSERT | APIC_DM_FIXED << 8 | vector);
}

void apic_send_nmi_others(void)
{
	icr_write(0, ICR_NMI_OTHERS);
}

/* Counts of the APIC's clock until @tsc: at least one, at most all 32 bits. */
static u32 count_until(u64 tsc)
{
	u64 now = rdtsc();
	u64 ns = time_tsc_to_ns(tsc > now ? tsc - now : 0);
	unsigned __int128 count = ((unsigned __int128)ns * counts_per_ns) >> FACTOR_BITS;

	return count < COUNT_MAX ? (u32)count + 1 : (u32)COUNT_MAX;
}

void apic_timer_set(u64 tsc)
{
	if (timer_deadline)
		msr_write(MSR_TSC_DEADLINE, tsc == TIME_NEVER ? 0 : MAX(tsc, 1));
	else
		reg_write(APIC_TIMER_INITIAL, tsc == TIME_NEVER ? 0 : count_until(tsc));
}
