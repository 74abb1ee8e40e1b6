/* SPDX-License-Identifier: MIT */
/*
 * What of a VP its registers do not tell, for saving and restoring it: the
 * blocks of HvCallGetVpState (0xE3) and HvCallSetVpState (0xE4). Layouts as in
 * Linux's root-partition headers and OpenVMM's definitions; the compacted XSAVE
 * area is Intel SDM volume 1, 13.4.3.
 */
#pragma once

#include "base/types.h"
#include "hv/interrupt.h"
#include "hv/timer.h"

/* These go through pages of the caller's, whose GPFNs are the variable header. */
#define HV_VP_STATE_BY_PAGES BIT(31)
enum hv_vp_state_type {
	HV_VP_STATE_TIMERS = 4,                         /* struct hv_stimers_state, in the call */
	HV_VP_STATE_LOCAL_APIC = (int)0x80000000,       /* struct hv_local_apic_state */
	HV_VP_STATE_XSAVE = (int)0x80000001,            /* compacted; HV_PROPERTY_MAX_XSAVE_BYTES */
	HV_VP_STATE_MESSAGE_PAGE = (int)0x80000002,     /* struct hv_message_page */
	HV_VP_STATE_EVENT_FLAGS_PAGE = (int)0x80000003, /* struct hv_event_flags_page */
	/*
	 * Ours: messages of ports that wait for a slot of the VP, oldest first for
	 * each SINT: slots behind each other, the first free one ends them. Only
	 * to be read: whoever restores posts them again.
	 */
	HV_VP_STATE_WAITING_MESSAGES = (int)0x8000ff00,
};

struct hv_vp_state_input {
	u64 partition_id;
	u32 vp_index;
	u8 target_vtl; /* 0 */
	u8 reserved[3];
	u32 type; /* enum hv_vp_state_type */
	u32 reserved_2;
	u64 xsave_flags;  /* 0 */
	u64 xsave_states; /* of an XSAVE area: components that it has, x87 and SSE among them */
};

/* Behind it, of HvCallSetVpState: the block. Output of HvCallGetVpState. */
union hv_vp_state_block {
	struct hv_stimers_state timers;
};

/* The header of an XSAVE area, behind 512 bytes. */
#define HV_XSAVE_COMPACTED BIT(63)
struct hv_xsave_header {
	u64 present; /* XSTATE_BV */
	u64 format;  /* XCOMP_BV: HV_XSAVE_COMPACTED, components that have a place */
	u64 reserved[6];
};

static_assert(sizeof(struct hv_vp_state_input) == 40);
static_assert(offsetof(struct hv_vp_state_input, type) == 16);
static_assert(offsetof(struct hv_vp_state_input, xsave_flags) == 24);
static_assert(offsetof(struct hv_vp_state_input, xsave_states) == 32);
static_assert(sizeof(union hv_vp_state_block) == 200);
static_assert(sizeof(struct hv_xsave_header) == 64);
