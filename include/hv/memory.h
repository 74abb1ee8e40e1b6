/* SPDX-License-Identifier: MIT */
/*
 * A partition's GPA space: mapping, unmapping, write tracking, and touching
 * it on its behalf. TLFS 6.0b chapter 5; flags as in Linux's root-partition
 * headers.
 */
#pragma once

#include "base/types.h"

/* Flags of 0x4B and 0x6E. */
#define HV_MAP_READ        BIT(0)
#define HV_MAP_WRITE       BIT(1)
#define HV_MAP_KERNEL_EXEC BIT(2)
#define HV_MAP_USER_EXEC   BIT(3)
#define HV_MAP_ADJUSTABLE  BIT(15) /* rights may be changed later; always so */
#define HV_MAP_LARGE       BIT(31) /* elements are the first GPFNs of 2 MiB pages */
#define HV_MAP_EXEC        (HV_MAP_KERNEL_EXEC | HV_MAP_USER_EXEC)
#define HV_MAP_ALL         (HV_MAP_READ | HV_MAP_WRITE | HV_MAP_EXEC)
/* Flags of 0x4C. */
#define HV_UNMAP_LARGE BIT(1) /* the count is in units of 2 MiB */

/* HvCallMapGpaPages, 0x4B (rep): GPFN u64 of the caller's pages follow. */
struct hv_map_gpa_input {
	u64 partition_id;
	u64 base_gpfn; /* of the target, for element 0 */
	u32 flags;
	u32 reserved;
};
#define HV_MAP_GPA_MAX 509u

/* HvCallUnmapGpaPages, 0x4C (rep without a list). */
struct hv_unmap_gpa_input {
	u64 partition_id;
	u64 base_gpfn;
	u32 flags;
	u32 reserved;
};

/* HvCallMapSparseGpaPages, 0x6E (rep): struct hv_sparse_gpa follow. */
struct hv_map_sparse_input {
	u64 partition_id;
	u32 flags;
	u32 reserved;
};
struct hv_sparse_gpa {
	u64 target_gpfn;
	u64 source_gpfn;
};

/* HvCallGetGpaPagesAccessState, 0xC9 (rep without a list); output: u8 each. */
#define HV_ACCESS_CLEAR_ACCESSED BIT(0)
#define HV_ACCESS_SET_ACCESSED   BIT(1)
#define HV_ACCESS_CLEAR_DIRTY    BIT(2)
#define HV_ACCESS_SET_DIRTY      BIT(3)
struct hv_access_state_input {
	u64 partition_id;
	u64 flags;
	u64 base_gpfn;
};
/* The state before the flags took effect. */
#define HV_ACCESS_STATE_ACCESSED BIT(0)
#define HV_ACCESS_STATE_DIRTY    BIT(1)

/* HvCallReadGpa and WriteGpa, 0x53 and 0x54: 1 to 16 bytes within a page. */
struct hv_read_gpa_input {
	u64 partition_id;
	u32 vp_index;
	u32 byte_count;
	u64 gpa;
	u64 flags; /* 0 */
};
struct hv_read_gpa_output {
	u64 result; /* HV_GPA_* */
	u8 data[16];
};
struct hv_write_gpa_input {
	u64 partition_id;
	u32 vp_index;
	u32 byte_count;
	u64 gpa;
	u64 flags; /* 0 */
	u8 data[16];
};
enum hv_gpa_result {
	HV_GPA_SUCCESS = 0,
	HV_GPA_UNMAPPED = 1,
	HV_GPA_NO_READ = 2,
	HV_GPA_NO_WRITE = 3,
	HV_GPA_ILLEGAL_OVERLAY = 4, /* a write to an overlay that is read only */
};

/* HvCallTranslateVirtualAddress, 0x52. */
#define HV_TRANSLATE_READ             BIT(0)
#define HV_TRANSLATE_WRITE            BIT(1)
#define HV_TRANSLATE_EXEC             BIT(2)
#define HV_TRANSLATE_PRIVILEGE_EXEMPT BIT(3) /* as at CPL 0 without SMAP and the like */
#define HV_TRANSLATE_SET_BITS         BIT(4) /* accessed and dirty, in the guest's tables */
#define HV_TRANSLATE_FLUSH_INHIBIT    BIT(5)
struct hv_translate_input {
	u64 partition_id;
	u32 vp_index;
	u32 reserved;
	u64 flags;
	u64 gva_page; /* GVA >> 12 */
};
struct hv_translate_output {
	u32 result;    /* enum hv_translate_result */
	u8 cache_type; /* enum memtype */
	u8 overlay;    /* bit 0 */
	u16 reserved;
	u64 gpfn;
};
enum hv_translate_result {
	HV_TRANSLATE_SUCCESS = 0,
	HV_TRANSLATE_NOT_PRESENT = 1,
	HV_TRANSLATE_PRIVILEGE = 2,
	HV_TRANSLATE_INVALID_FLAGS = 3, /* reserved bits in the guest's tables */
	HV_TRANSLATE_GPA_UNMAPPED = 4,
	HV_TRANSLATE_GPA_NO_READ = 5,
	HV_TRANSLATE_GPA_NO_WRITE = 6,
};

static_assert(sizeof(struct hv_map_gpa_input) == 24);
static_assert(sizeof(struct hv_unmap_gpa_input) == 24);
static_assert(sizeof(struct hv_map_sparse_input) == 16);
static_assert(sizeof(struct hv_access_state_input) == 24);
static_assert(sizeof(struct hv_read_gpa_input) == 32);
static_assert(offsetof(struct hv_write_gpa_input, data) == 32);
static_assert(sizeof(struct hv_translate_input) == 32);
static_assert(sizeof(struct hv_translate_output) == 16);
