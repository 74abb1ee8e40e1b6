/* SPDX-License-Identifier: MIT */
/*
 * Hypercall codes, control and result words, and the parameter blocks of the
 * calls that exist so far. TLFS 6.0b chapter 3 and the sections named.
 */
#pragma once

#include "base/types.h"

enum hv_call_code {
	HV_CALL_NOTIFY_LONG_SPIN_WAIT = 0x0008,
	HV_CALL_GET_PARTITION_ID = 0x0046,
	HV_CALL_MAP_STATS_PAGE = 0x006c,
	HV_CALL_UNMAP_STATS_PAGE = 0x006d,
	HV_CALL_MAP_DEVICE_INTERRUPT = 0x007c,
	HV_CALL_UNMAP_DEVICE_INTERRUPT = 0x007d,
	HV_CALL_START_VIRTUAL_PROCESSOR = 0x0099,
	HV_CALL_GET_VP_INDEX_FROM_APIC_ID = 0x009a,
};

/* Control word, 3.7. */
#define HV_CONTROL_CODE(c)      ((u16)(c))
#define HV_CONTROL_FAST         BIT(16)
#define HV_CONTROL_VARHEAD(c)   ((u32)((c) >> 17) & 0x3ff) /* in units of 8 bytes */
#define HV_CONTROL_NESTED       BIT(31)
#define HV_CONTROL_REP_COUNT(c) ((u32)((c) >> 32) & 0xfff)
#define HV_CONTROL_REP_START(c) ((u32)((c) >> 48) & 0xfff)
#define HV_CONTROL_RESERVED     0xf000f00078000000ull

/* Result word, 3.8. */
#define HV_RESULT_STATUS(r)  ((enum hv_status)((r)&0xffff))
#define HV_RESULT_REPS(r)    ((u32)((r) >> 32) & 0xfff)

#define HV_PARTITION_SELF    (~0ull)
#define HV_VP_SELF           0xfffffffeu
#define HV_VP_ANY            0xffffffffu
#define HV_PARTITION_ID_ROOT 1ull

/* 128-bit forms of segment and table registers, 7.9. */
struct hv_segment {
	u64 base;
	u32 limit;
	u16 selector;
	u16 attributes; /* 3:0 type, 4 S, 6:5 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G */
};

struct hv_table_register {
	u16 pad[3];
	u16 limit;
	u64 base;
};

#define HV_SEG_DPL(attr) (((attr) >> 5) & 3)
#define HV_SEG_PRESENT   BIT(7)
#define HV_SEG_LONG      BIT(13)
#define HV_SEG_DB        BIT(14)

/* HvCallStartVirtualProcessor, 0x99. */
struct hv_initial_vp_context {
	u64 rip;
	u64 rsp;
	u64 rflags;
	struct hv_segment cs;
	struct hv_segment ds;
	struct hv_segment es;
	struct hv_segment fs;
	struct hv_segment gs;
	struct hv_segment ss;
	struct hv_segment tr;
	struct hv_segment ldtr;
	struct hv_table_register idtr;
	struct hv_table_register gdtr;
	u64 efer;
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 pat;
};

struct hv_start_vp_input {
	u64 partition_id;
	u32 vp_index;
	u8 target_vtl;
	u8 reserved[3];
	struct hv_initial_vp_context context;
};

/* HvCallGetVpIndexFromApicId, 0x9a (rep); output u32 per element. */
struct hv_vp_index_from_apic_id_input {
	u64 partition_id;
	u8 target_vtl;
	u8 reserved[7];
	u32 apic_ids[];
};

/* HvCallMapStatsPage, 0x6c; output: GPFN u64. */
enum hv_stats_object_type {
	HV_STATS_OBJECT_HYPERVISOR = 1,
	HV_STATS_OBJECT_LP = 2,
	HV_STATS_OBJECT_PARTITION = 0x00010001,
	HV_STATS_OBJECT_VP = 0x00010002,
};

struct hv_stats_page_input {
	u32 type;
	u32 reserved;
	u64 partition_id; /* VP and partition pages */
	u32 vp_index;
	u16 flags;
	u8 area;
	u8 reserved2;
};

static_assert(sizeof(struct hv_segment) == 16);
static_assert(sizeof(struct hv_table_register) == 16);
static_assert(offsetof(struct hv_initial_vp_context, tr) == 120);
static_assert(offsetof(struct hv_initial_vp_context, idtr) == 152);
static_assert(offsetof(struct hv_initial_vp_context, efer) == 184);
static_assert(sizeof(struct hv_initial_vp_context) == 224);
static_assert(sizeof(struct hv_start_vp_input) == 240);
static_assert(offsetof(struct hv_vp_index_from_apic_id_input, apic_ids) == 16);
static_assert(sizeof(struct hv_stats_page_input) == 24);
