/* SPDX-License-Identifier: MIT */
/*
 * Partitions: life cycle, properties, and the memory that is deposited for
 * them. TLFS 6.0b chapters 4 and 5; layouts of creation as in Linux's
 * root-partition headers.
 */
#pragma once

#include "base/types.h"

/* Partition ids are 1 (the root) to HV_MAX_PARTITIONS - 1. */
#define HV_MAX_PARTITIONS 1024u

/* HvCallCreatePartition, 0x40; output: partition id u64. */
#define HV_CREATE_LARGE_PAGES    BIT(4) /* 2 MiB and 1 GiB leaves; always used where possible */
#define HV_CREATE_LOCAL_APIC     BIT(13)
#define HV_CREATE_INTERCEPT_PAGE BIT(19) /* intercepts through VP state page type 1 */
#define HV_CREATE_X2APIC         BIT(22)
#define HV_CREATE_COMPATIBILITY  0x0609u /* version that Linux asks for */

struct hv_proximity {
	u32 id;
	u32 flags; /* 0: anywhere */
};

/* A bit that is set disables the feature. */
struct hv_creation_properties {
	u64 disabled_processor_features[2];
	u64 disabled_xsave_features;
};

struct hv_create_partition_input {
	u64 flags; /* HV_CREATE_* */
	struct hv_proximity proximity;
	u32 compatibility_version;
	u32 reserved;
	struct hv_creation_properties properties;
	u64 isolation; /* 0: none */
};

/* Calls that name a partition and nothing else: 0x41, 0x42, 0x43. */
struct hv_partition_input {
	u64 partition_id;
};

/* HvCallGetNextChildPartition, 0x47; output: id u64, 0 behind the last. */
struct hv_next_child_input {
	u64 parent_id;
	u64 previous_id; /* 0: the first */
};

/* HvCallGet/SetPartitionProperty, 0x44 and 0x45. */
enum hv_partition_property {
	HV_PROPERTY_PRIVILEGES = 0x00010000,         /* before InitializePartition only */
	HV_PROPERTY_SYNTHETIC_FEATURES = 0x00010001, /* before InitializePartition only */
	HV_PROPERTY_CPU_RESERVE = 0x00020001,
	HV_PROPERTY_CPU_CAP = 0x00020002,
	HV_PROPERTY_CPU_WEIGHT = 0x00020003,
	HV_PROPERTY_TIME_FREEZE = 0x00030003,    /* 1 stops reference time, 0 lets it go on */
	HV_PROPERTY_REFERENCE_TIME = 0x00030005, /* 100 ns; set while frozen */
	HV_PROPERTY_ACCESS_TRACKING = 0x00050005,
	HV_PROPERTY_UNIMPLEMENTED_MSR = 0x00050017, /* 0 #GP, 1 reads 0 and drops writes */
	HV_PROPERTY_PROCESSOR_VENDOR = 0x00060000,  /* 0 AMD, 1 Intel */
	HV_PROPERTY_XSAVE_STATES = 0x00060007,      /* components a VP may enable */
	HV_PROPERTY_MAX_XSAVE_BYTES = 0x00060008,
	HV_PROPERTY_PROCESSOR_CLOCK = 0x00060009,      /* TSC, Hz */
	HV_PROPERTY_PROCESSOR_FEATURES_0 = 0x0006000a, /* set bit: the partition has it */
	HV_PROPERTY_PROCESSOR_FEATURES_1 = 0x0006000b,
	HV_PROPERTY_GUEST_OS_ID = 0x00070000,
	HV_PROPERTY_AFFINITY = 0x10001000, /* by 0x10A only: a VP's set of LPs */
};

/* HV_PROPERTY_CPU_RESERVE and _CAP: parts of one processor for each VP; _WEIGHT is each VP's. */
#define HV_CPU_ALL            0x10000u
#define HV_CPU_WEIGHT_DEFAULT 100u
#define HV_CPU_WEIGHT_MAX     10000u

/* HV_PROPERTY_ACCESS_TRACKING. */
#define HV_TRACKING_ON    BIT(0)
#define HV_TRACKING_LARGE BIT(1) /* by large pages; not offered */

struct hv_get_property_input {
	u64 partition_id;
	u32 code;
	u32 reserved;
};

struct hv_set_property_input {
	u64 partition_id;
	u32 code;
	u32 reserved;
	u64 value;
};

/* HvCallSetPartitionPropertyEx, 0x10A; the value is the variable header. */
struct hv_set_property_ex_input {
	u64 partition_id;
	u32 code;
	u32 reserved;
	u64 argument; /* 31:0 VP index, 63:56 HV_PROPERTY_OBJECT_* */
};
#define HV_PROPERTY_ARGUMENT_VP(index) ((u64)(index) | 1ull << 56)
#define HV_PROPERTY_OBJECT(argument)   ((u32)((argument) >> 56))
#define HV_PROPERTY_OBJECT_VP          1u

/* HvCallRestorePartitionTime, 0x103. */
struct hv_restore_time_input {
	u64 partition_id;
	u32 tsc_sequence; /* the last one of the reference TSC page; 0: it had none */
	u32 reserved;
	u64 reference_time;
	u64 tsc;
};

/* HvCallDepositMemory, 0x48 (rep): GPFN u64 of the caller's own pages follow. */
#define HV_DEPOSIT_MAX 511u /* elements of one call */

/* HvCallWithdrawMemory, 0x49 (rep); output: GPFN u64 each. */
struct hv_withdraw_memory_input {
	u64 partition_id;
	struct hv_proximity proximity;
};
#define HV_WITHDRAW_MAX 512u

/* HvCallGetMemoryBalance, 0x4A. */
struct hv_memory_balance_input {
	u64 partition_id;
	struct hv_proximity proximity;
};
struct hv_memory_balance_output {
	u64 available; /* pages deposited and not in use */
	u64 in_use;
};

static_assert(sizeof(struct hv_create_partition_input) == 56);
static_assert(offsetof(struct hv_create_partition_input, properties) == 24);
static_assert(offsetof(struct hv_create_partition_input, isolation) == 48);
static_assert(sizeof(struct hv_next_child_input) == 16);
static_assert(sizeof(struct hv_get_property_input) == 16);
static_assert(sizeof(struct hv_set_property_input) == 24);
static_assert(sizeof(struct hv_set_property_ex_input) == 24);
static_assert(sizeof(struct hv_restore_time_input) == 32);
static_assert(offsetof(struct hv_restore_time_input, tsc_sequence) == 8);
static_assert(offsetof(struct hv_restore_time_input, reference_time) == 16);
static_assert(offsetof(struct hv_restore_time_input, tsc) == 24);
static_assert(sizeof(struct hv_withdraw_memory_input) == 16);
static_assert(sizeof(struct hv_memory_balance_output) == 16);
