/* SPDX-License-Identifier: MIT */
/*
 * A table of entries by an id of 24 bits: a tree of three levels, so that each
 * look takes three steps, whatever is in it. Its pages are a deposit's, and go
 * back there with the last entry of each. Looks and changes are under one lock,
 * its owner's; each is a few hundred instructions at most, and three pages zeroed.
 */
#pragma once

#include "base/types.h"
#include "hv/status.h"

struct deposit;

#define ID_TABLE_ENTRY 64u /* bytes */

/* What each entry begins with. */
struct id_entry {
	u32 id; /* 0: there is none; no entry is of id 0 */
};

struct id_table {
	void *root; /* NULL: empty */
};

/* The entry of @id, or NULL. */
void *id_table_find(const struct id_table *t, u32 id);
/* The entry of the lowest id, or NULL. */
void *id_table_first(const struct id_table *t);
/*
 * Adds the entry of @id, zeroed but for that. OBJECT_IN_USE: it is there;
 * INSUFFICIENT_MEMORY. Nothing has changed then.
 */
enum hv_status id_table_add(struct id_table *t, struct deposit *d, u32 id, void **entry);
/* Takes the entry of @id out, which is there. */
void id_table_remove(struct id_table *t, struct deposit *d, u32 id);
