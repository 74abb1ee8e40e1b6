/* SPDX-License-Identifier: MIT */
/*
 * Where things go in the child's memory before it starts: the kernel at its
 * own addresses, all else where RAM is left. One list, for one loading.
 */
#pragma once

#include "base/types.h"
#include "lib/elf.h"

/* Segments, and what we place: information, initrd. */
#define PLACE_MAX (ELF_SEGMENTS_MAX + 8u)

struct place {
	u32 count;
	struct {
		u64 start;
		u64 end;
	} taken[PLACE_MAX];
};

/*
 * Begins with what PCs keep free for firmware: the first 64 KiB and 640 KiB to
 * 1 MiB. A kernel may lie there; what we place does not.
 */
void place_init(struct place *p);
/* Notes that [start, start + size) is in use. */
void place_take(struct place *p, u64 start, u64 size);
/* PCs' firmware, where guests look for what it tells. */
#define PLACE_FIRMWARE     (896 * KIB)
#define PLACE_FIRMWARE_END MIB
/* Whether there is RAM, and the kernel does not lie there. */
[[nodiscard]] bool place_firmware_free(const struct place *p);
/* The end of the highest range in use. */
u64 place_top(const struct place *p);
/*
 * Takes @size bytes of RAM, at a multiple of @align, within [from, to): the
 * lowest or the highest there are. False: there is no room.
 */
[[nodiscard]] bool place_low(struct place *p, u64 size, u64 align, u64 from, u64 to, u64 *start);
[[nodiscard]] bool place_high(struct place *p, u64 size, u64 align, u64 from, u64 to, u64 *start);
