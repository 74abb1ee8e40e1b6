/* SPDX-License-Identifier: MIT */
/*
 * Maps a statistics page per VP by HvCallMapStatsPage. A VP without counters
 * works all the same. Each VP asks for its own.
 */
#include "rootpart/stats.h"

#include "rootpart/cpu.h"
#include "rootpart/hypercall.h"
#include "rootpart/paging.h"

void stats_init_vp(void)
{
	struct cpu *cpu = this_cpu();
	const struct hv_stats_page_input what = {
		.type = HV_STATS_OBJECT_VP,
		.partition_id = HV_PARTITION_SELF,
		.vp_index = cpu->vp,
	};
	gpa_t page;

	if (hypercall_map_stats_page(&what, &page) == 0)
		cpu->stats = paging_map_direct(page.a, PAGE_SIZE);
}

const u64 *stats_vp(u32 vp)
{
	return vp < cpu_count ? cpus[vp]->stats : NULL;
}
