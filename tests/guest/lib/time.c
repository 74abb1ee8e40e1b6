/* SPDX-License-Identifier: MIT */
/*
 * Reference time.
 */
#include "tests/guest/lib/time.h"

#include "hv/msr.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

volatile struct hv_reference_tsc_page *guest_time_page;

void guest_time_init(void)
{
	guest_time_page = guest_pages(1);
	msr_write(HV_MSR_REFERENCE_TSC, (u64)guest_time_page | HV_MSR_PAGE_ENABLE);
}

u64 guest_time_counter(void)
{
	return msr_read(HV_MSR_TIME_REF_COUNT);
}

u64 guest_time(void)
{
	const volatile struct hv_reference_tsc_page *page = guest_time_page;
	u32 sequence;
	u64 v;

	do {
		sequence = load_acquire(&page->sequence);
		if (sequence == HV_TSC_INVALID)
			return guest_time_counter();
		v = (u64)((unsigned __int128)rdtsc_ordered() * page->scale >> 64) + page->offset;
	} while (load_acquire(&page->sequence) != sequence);
	return v;
}

#define PAIRS   1000u
#define AS_MANY 950u /* others have an exit in between */
#define FEW     16u  /* ticks */

bool guest_time_is_by_instructions(void)
{
	u32 same = 0;
	u64 least = ~0ull;

	for (u32 i = 0; i < PAIRS; i++) {
		u64 start = rdtsc(), ticks = rdtsc() - start;

		same = ticks == least ? same + 1 : ticks < least ? 1 : same;
		least = MIN(least, ticks);
	}
	return least < FEW && same >= AS_MANY;
}
