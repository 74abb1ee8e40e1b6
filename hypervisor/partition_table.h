/* SPDX-License-Identifier: MIT */
/*
 * Which partitions there are; partition.h has find and put.
 */
#pragma once

#include "base/types.h"

struct partition;

void partition_table_add_root(struct partition *p);
/* Gives @p its id and a reference, the table's own. False: there is no place. */
[[nodiscard]] bool partition_table_add(struct partition *p);
/* Takes @p out; the last of those who refer to it frees its page. */
void partition_table_remove(struct partition *p);
/* Id of @parent's first child above @previous, 0 if there is none. */
u64 partition_table_next_child(const struct partition *parent, u64 previous);
