/* SPDX-License-Identifier: MIT */
/*
 * Hypercall codes, control and result words, and the parameter blocks of the
 * calls that exist so far. TLFS 6.0b chapter 3 and the sections named.
 */
#pragma once

#include "base/types.h"
#include "hv/registers.h"
#include "hv/vpset.h"

enum hv_call_code {
	HV_CALL_FLUSH_VIRTUAL_ADDRESS_SPACE = 0x0002,
	HV_CALL_FLUSH_VIRTUAL_ADDRESS_LIST = 0x0003,
	HV_CALL_NOTIFY_LONG_SPIN_WAIT = 0x0008,
	HV_CALL_SEND_CLUSTER_IPI = 0x000b,
	HV_CALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX = 0x0013,
	HV_CALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX = 0x0014,
	HV_CALL_SEND_CLUSTER_IPI_EX = 0x0015,
	HV_CALL_CREATE_PARTITION = 0x0040,
	HV_CALL_INITIALIZE_PARTITION = 0x0041,
	HV_CALL_FINALIZE_PARTITION = 0x0042,
	HV_CALL_DELETE_PARTITION = 0x0043,
	HV_CALL_GET_PARTITION_PROPERTY = 0x0044,
	HV_CALL_SET_PARTITION_PROPERTY = 0x0045,
	HV_CALL_GET_PARTITION_ID = 0x0046,
	HV_CALL_GET_NEXT_CHILD_PARTITION = 0x0047,
	HV_CALL_DEPOSIT_MEMORY = 0x0048,
	HV_CALL_WITHDRAW_MEMORY = 0x0049,
	HV_CALL_GET_MEMORY_BALANCE = 0x004a,
	HV_CALL_MAP_GPA_PAGES = 0x004b,
	HV_CALL_UNMAP_GPA_PAGES = 0x004c,
	HV_CALL_INSTALL_INTERCEPT = 0x004d,
	HV_CALL_CREATE_VP = 0x004e,
	HV_CALL_DELETE_VP = 0x004f,
	HV_CALL_GET_VP_REGISTERS = 0x0050,
	HV_CALL_SET_VP_REGISTERS = 0x0051,
	HV_CALL_TRANSLATE_VIRTUAL_ADDRESS = 0x0052,
	HV_CALL_READ_GPA = 0x0053,
	HV_CALL_WRITE_GPA = 0x0054,
	HV_CALL_CLEAR_VIRTUAL_INTERRUPT = 0x0056,
	HV_CALL_DELETE_PORT = 0x0058,
	HV_CALL_DISCONNECT_PORT = 0x005b,
	HV_CALL_POST_MESSAGE = 0x005c,
	HV_CALL_SIGNAL_EVENT = 0x005d,
	HV_CALL_MAP_STATS_PAGE = 0x006c,
	HV_CALL_UNMAP_STATS_PAGE = 0x006d,
	HV_CALL_MAP_SPARSE_GPA_PAGES = 0x006e,
	HV_CALL_MAP_DEVICE_INTERRUPT = 0x007c,
	HV_CALL_UNMAP_DEVICE_INTERRUPT = 0x007d,
	HV_CALL_ASSERT_VIRTUAL_INTERRUPT = 0x0094,
	HV_CALL_CREATE_PORT = 0x0095,
	HV_CALL_CONNECT_PORT = 0x0096,
	HV_CALL_START_VIRTUAL_PROCESSOR = 0x0099,
	HV_CALL_GET_VP_INDEX_FROM_APIC_ID = 0x009a,
	HV_CALL_SIGNAL_EVENT_DIRECT = 0x00c0,
	HV_CALL_POST_MESSAGE_DIRECT = 0x00c1,
	HV_CALL_GET_GPA_PAGES_ACCESS_STATE = 0x00c9,
	HV_CALL_MAP_VP_STATE_PAGE = 0x00e1,
	HV_CALL_UNMAP_VP_STATE_PAGE = 0x00e2,
	HV_CALL_GET_VP_STATE = 0x00e3,
	HV_CALL_SET_VP_STATE = 0x00e4,
	HV_CALL_RESTORE_PARTITION_TIME = 0x0103,
	HV_CALL_SET_PARTITION_PROPERTY_EX = 0x010a,
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
#define HV_RESULT_STATUS(r) ((enum hv_status)((r)&0xffff))
#define HV_RESULT_REPS(r)   ((u32)((r) >> 32) & 0xfff)

/* To put a control word together. */
#define HV_CONTROL_VARHEAD_IS(words)  ((u64)(words) << 17)
#define HV_CONTROL_REPS(count, start) ((u64)(count) << 32 | (u64)(start) << 48)

#define HV_PARTITION_SELF             (~0ull)
#define HV_VP_SELF                    0xfffffffeu
#define HV_VP_ANY                     0xffffffffu
#define HV_PARTITION_ID_ROOT          1ull

/*
 * HvCallFlushVirtualAddressSpace and -List, 0x02 and 0x03 (rep), 12.4: of the
 * caller's partition. The list's elements are GVA pages in 63:12 and how many
 * more follow in 11:0.
 */
#define HV_FLUSH_ALL_PROCESSORS BIT(0)
#define HV_FLUSH_ALL_SPACES     BIT(1)
#define HV_FLUSH_NON_GLOBAL     BIT(2) /* the others may stay; not of lists */

struct hv_flush_input {
	u64 address_space; /* CR3 */
	u64 flags;
	u64 processor_mask; /* by VP index */
};

/* The same with a VP set, 0x13 and 0x14 (rep): its banks are the variable header. */
struct hv_flush_ex_input {
	u64 address_space;
	u64 flags;
	struct hv_vpset_header set;
};

/* HvCallSendSyntheticClusterIpi, 0x0b, 10.5.1, and with a VP set, 0x15. */
struct hv_cluster_ipi_input {
	u32 vector;
	u8 target_vtl;
	u8 reserved[3];
	u64 processor_mask;
};

struct hv_cluster_ipi_ex_input {
	u32 vector;
	u8 target_vtl;
	u8 reserved[3];
	struct hv_vpset_header set;
};

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

static_assert(sizeof(struct hv_flush_input) == 24);
static_assert(sizeof(struct hv_flush_ex_input) == 32);
static_assert(sizeof(struct hv_cluster_ipi_input) == 16);
static_assert(sizeof(struct hv_cluster_ipi_ex_input) == 24);
static_assert(offsetof(struct hv_initial_vp_context, tr) == 120);
static_assert(offsetof(struct hv_initial_vp_context, idtr) == 152);
static_assert(offsetof(struct hv_initial_vp_context, efer) == 184);
static_assert(sizeof(struct hv_initial_vp_context) == 224);
static_assert(sizeof(struct hv_start_vp_input) == 240);
static_assert(offsetof(struct hv_vp_index_from_apic_id_input, apic_ids) == 16);
static_assert(sizeof(struct hv_stats_page_input) == 24);
