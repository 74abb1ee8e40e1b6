/* SPDX-License-Identifier: MIT */
/*
 * Virtual processors of a child as its parent sees them: creation, registers,
 * state pages, intercepts to install. TLFS 6.0b chapters 7 and 8; state pages
 * as in OpenVMM's definitions, which Linux's agree with but for one field.
 */
#pragma once

#include "base/types.h"
#include "hv/partition.h"
#include "hv/registers.h"

/* HvCallCreateVp, 0x4E. */
struct hv_create_vp_input {
	u64 partition_id;
	u32 vp_index;
	u8 reserved[3];
	u8 subnode_type; /* 0: any */
	u64 subnode_id;
	struct hv_proximity proximity;
	u64 flags; /* 0 for a child */
};

/* HvCallDeleteVp, 0x4F. */
struct hv_delete_vp_input {
	u64 partition_id;
	u32 vp_index;
	u32 reserved;
};

/* HvCallGetVpRegisters, 0x50 (rep): names u32 follow; output: 16 bytes each. */
struct hv_vp_registers_input {
	u64 partition_id;
	u32 vp_index;
	u8 target_vtl; /* 0 */
	u8 reserved[3];
};
#define HV_GET_REGISTERS_MAX 256u

/* HvCallSetVpRegisters, 0x51 (rep): these follow. */
struct hv_register_assoc {
	u32 name;
	u32 reserved[3];
	union hv_register_value value;
};
#define HV_SET_REGISTERS_MAX 127u

/* HvCallMap/UnmapVpStatePage, 0xE1 and 0xE2; output of 0xE1: GPFN u64. */
enum hv_vp_state_page { HV_STATE_PAGE_REGISTERS = 0, HV_STATE_PAGE_INTERCEPT = 1 };
struct hv_map_state_page_input {
	u64 partition_id;
	u32 vp_index;
	u16 type; /* enum hv_vp_state_page */
	u8 target_vtl;
	u8 flags; /* bit 0, a place of the caller's: not offered */
	u64 requested_gpfn;
};
struct hv_unmap_state_page_input {
	u64 partition_id;
	u32 vp_index;
	u16 type;
	u8 target_vtl;
	u8 reserved;
};

/* The register page. A parent changes fields while the VP waits for it, and
 * names their classes in dirty; they are loaded when the VP is resumed. */
#define HV_REGISTER_PAGE_VERSION 1u
#define HV_DIRTY_GPRS            BIT(0)
#define HV_DIRTY_RIP             BIT(1)
#define HV_DIRTY_XMM             BIT(2)
#define HV_DIRTY_SEGMENTS        BIT(3)
#define HV_DIRTY_RFLAGS          BIT(4)
struct hv_register_page {
	u16 version;
	u8 valid; /* 0: the VP runs, nothing here counts */
	u8 vtl;
	u32 dirty;   /* HV_DIRTY_* */
	u64 gpr[16]; /* in the order of encoding */
	u64 rip;
	u64 rflags;
	u64 reserved;
	u64 xmm[6][2]; /* zero here: read by HvCallGetVpRegisters */
	struct hv_segment es, cs, ss, ds, fs, gs;
	u64 cr0, cr3, cr4, cr8; /* from here on read only */
	u64 efer;
	u64 dr7;
	u64 pending_interruption;
	u64 interrupt_state;
	u64 emulation_hints;
	u64 xfem;
	u8 reserved2[256];
	u64 interrupt_vectors;
	u8 reserved3[4096 - 696];
};

/* HvCallInstallIntercept, 0x4D. */
#define HV_INTERCEPT_READ  BIT(0)
#define HV_INTERCEPT_WRITE BIT(1)
#define HV_INTERCEPT_EXEC  BIT(2)
enum hv_intercept_type {
	HV_INTERCEPT_MSR = 1,       /* MSRs that the hypervisor does not know */
	HV_INTERCEPT_CPUID = 2,     /* leaf: parameter */
	HV_INTERCEPT_EXCEPTION = 3, /* vector: parameter */
};
struct hv_install_intercept_input {
	u64 partition_id;
	u32 access; /* HV_INTERCEPT_*; 0 takes it off */
	u32 type;   /* enum hv_intercept_type */
	u64 parameter;
};

static_assert(sizeof(struct hv_create_vp_input) == 40);
static_assert(offsetof(struct hv_create_vp_input, subnode_type) == 15);
static_assert(sizeof(struct hv_delete_vp_input) == 16);
static_assert(sizeof(struct hv_vp_registers_input) == 16);
static_assert(sizeof(struct hv_register_assoc) == 32);
static_assert(sizeof(struct hv_map_state_page_input) == 24);
static_assert(sizeof(struct hv_unmap_state_page_input) == 16);
static_assert(offsetof(struct hv_register_page, rip) == 136);
static_assert(offsetof(struct hv_register_page, xmm) == 160);
static_assert(offsetof(struct hv_register_page, es) == 256);
static_assert(offsetof(struct hv_register_page, cr0) == 352);
static_assert(offsetof(struct hv_register_page, pending_interruption) == 400);
static_assert(offsetof(struct hv_register_page, interrupt_vectors) == 688);
static_assert(sizeof(struct hv_register_page) == 4096);
static_assert(sizeof(struct hv_install_intercept_input) == 24);
