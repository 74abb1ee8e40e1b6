/* SPDX-License-Identifier: MIT */
/*
 * Memory types by their encoding in MTRRs, PAT and EPT leaves alike.
 * Intel SDM volume 3, table 12-2.
 */
#pragma once

enum memtype {
	MEMTYPE_UC = 0,
	MEMTYPE_WC = 1,
	MEMTYPE_WT = 4,
	MEMTYPE_WP = 5,
	MEMTYPE_WB = 6,
};
