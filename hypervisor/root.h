/* SPDX-License-Identifier: MIT */
/*
 * The root partition: identity-mapped memory without the hypervisor's own,
 * the root kernel's image in place, its VPs, and its first entry by PVH.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"

struct boot_info;
struct memory_plan;
struct partition;

/*
 * Builds it. Whatever is wrong with the modules ends in refuse(). Boot
 * processor, all processors up, identity map of boot still there.
 */
void root_create(const struct boot_info *info, const struct memory_plan *plan);
/* Makes VP 0 runnable; nothing of the boot is needed any more. */
void root_start(void);

/*
 * A page of the root's RAM that it has deposited goes out of its address
 * space, and comes back; the caller has claimed the frame, and flushes.
 * root_ram_take(): INSUFFICIENT_MEMORY if device mappings used up the reserve.
 */
enum hv_status root_ram_take(struct partition *p, spa_t spa);
void root_ram_return(struct partition *p, spa_t spa);

/*
 * The root touched @gpa, by @access, above all that is mapped at boot: maps
 * the device there, uncached, if it may have it. True as well if it is mapped
 * already, for another VP may have been first. False: it may not, devices
 * hold no code, or the reserve for tables is used up.
 */
bool root_map_device(struct partition *p, gpa_t gpa, u32 access);
