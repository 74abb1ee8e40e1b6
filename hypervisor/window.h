/* SPDX-License-Identifier: MIT */
/*
 * Windows: virtual pages of one processor through which it touches a guest's
 * page for a moment. A slot keeps its last page, so that touching the same
 * page again costs a comparison. The caller has checked in the frame table
 * that the page may be touched.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"

#define WINDOW_CODES 64u

/* Slots: tables of a guest walk by level; parameters; code pages; the tables that led to each. */
enum window_use {
	WINDOW_WALK = 0,
	WINDOW_COPY = 8,
	WINDOW_CODE = 9,
	WINDOW_CODE_WALK = WINDOW_CODE + WINDOW_CODES,
};

/* Page of @spa through slot @slot of this processor, valid until the slot's next use. */
void *window_map(u32 slot, spa_t spa);
/* Forgets what all slots of this processor map; guest_memos_forget() goes with it. */
void window_flush(void);
