/* SPDX-License-Identifier: MIT */
/*
 * Units of the controller as they describe themselves, by REPORT LUNS, INQUIRY, READ CAPACITY and MODE SENSE.
 */
#pragma once

#include "lib/sha256.h"
#include "vsc/storvsc.h"

#define LUNS_MAX 16u
#define LUN_ID   8u /* bytes of its number for ever */
#define LUN_STEP (64 * KIB)

struct lun {
	u8 number;
	bool read_only;
	bool unmaps;
	u32 max_unmap; /* sectors */
	u8 id[LUN_ID];
	struct storvsc_disk d;
};

/* All that are listed, LUNS_MAX at most: how many, or as storvsc_command(). */
[[nodiscard]] int luns_find(struct storvsc *s, struct lun *luns);
/* "LUN …", one line. */
void lun_print(const struct lun *l);
/* What stands on it, by reading; @memory has LUN_STEP bytes. As storvsc_read(). */
[[nodiscard]] int lun_sum(
	struct storvsc *s, const struct lun *l, void *memory, char text[SHA256_TEXT]);
