/* SPDX-License-Identifier: MIT */
/*
 * Reference time as a page, and synthetic timers: bits, messages, saved state.
 * TLFS 6.0b chapter 12; the saved state as Linux and OpenVMM have it.
 */
#pragma once

#include "base/types.h"

#define HV_STIMER_COUNT   4u
#define HV_TIME_PER_SEC   10000000ull /* reference time counts 100 ns */

#define HV_TSC_INVALID    0u          /* sequence: read the counter's MSR instead */
#define HV_TSC_INVALID_V2 0xffffffffu /* what older guests take for that */

/* Time is (TSC * scale >> 64) + offset, if the sequence is the same before and after. */
struct hv_reference_tsc_page {
	u32 sequence;
	u32 reserved;
	u64 scale;
	u64 offset;
	u64 reserved_2[509];
};

/* HV_MSR_STIMER_CONFIG. */
#define HV_STIMER_ENABLE            BIT(0)
#define HV_STIMER_PERIODIC          BIT(1)
#define HV_STIMER_LAZY              BIT(2)
#define HV_STIMER_AUTO_ENABLE       BIT(3)
#define HV_STIMER_VECTOR(v)         ((u64)(v) << 4) /* of the APIC, in direct mode */
#define HV_STIMER_VECTOR_OF(config) ((u8)((config) >> 4))
#define HV_STIMER_DIRECT            BIT(12)
#define HV_STIMER_SINT(n)           ((u64)(n) << 16) /* for messages; 0: none */
#define HV_STIMER_SINT_OF(config)   ((u32)((config) >> 16 & 15))
#define HV_STIMER_BITS              0xf1fffull

/* Payload of HV_MESSAGE_TIMER_EXPIRED. */
struct hv_timer_message {
	u32 index;
	u32 reserved;
	u64 expiration; /* when it was due */
	u64 delivery;   /* when it was sent */
};

/* Of HvCallGet/SetVpState. */
#define HV_STIMER_UNDELIVERED BIT(0) /* the message of an expiry still waits */
struct hv_stimer_state {
	u32 flags;
	u32 reserved;
	u64 config;
	u64 count;
	u64 adjustment;             /* ours: when a periodic timer that runs is due next */
	u64 undelivered_expiration; /* of that message */
};

struct hv_stimers_state {
	struct hv_stimer_state timer[HV_STIMER_COUNT];
	u64 reserved[5]; /* the unhalted timer's */
};

static_assert(sizeof(struct hv_reference_tsc_page) == 4096);
static_assert(offsetof(struct hv_reference_tsc_page, scale) == 8);
static_assert(offsetof(struct hv_reference_tsc_page, offset) == 16);
static_assert(sizeof(struct hv_timer_message) == 24);
static_assert(offsetof(struct hv_timer_message, delivery) == 16);
static_assert(sizeof(struct hv_stimer_state) == 40);
static_assert(offsetof(struct hv_stimer_state, undelivered_expiration) == 32);
static_assert(sizeof(struct hv_stimers_state) == 200);
