/* SPDX-License-Identifier: MIT */
/*
 * Ports and connections, and the calls that send through them or past them.
 * TLFS 6.0b chapter 11; layouts of the newer calls as in Linux's
 * root-partition headers and OpenVMM's definitions.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"
#include "hv/partition.h"

/* Ids of ports and connections have 24 bits and are not 0. */
#define HV_PORT_ID_MAX  0xffffffu

#define HV_PORT_BUFFERS 16u /* messages of a port that wait for their slot */

/* Event flags: a page like the message page, and 2048 flags for each SINT. */
#define HV_EVENT_FLAGS 2048u
struct hv_event_flags_page {
	u64 word[HV_SINT_COUNT][HV_EVENT_FLAGS / 64];
};

enum hv_port_type {
	HV_PORT_MESSAGE = 1,
	HV_PORT_EVENT = 2,
	HV_PORT_MONITOR = 3,  /* not offered */
	HV_PORT_DOORBELL = 4, /* not offered */
};

struct hv_port_info {
	u32 type; /* enum hv_port_type */
	u32 reserved;
	u32 sint; /* not 0 */
	u32 vp;   /* or HV_VP_ANY, HV_VP_SELF */
	union {
		u64 reserved2; /* message */
		struct {
			u16 base_flag;
			u16 flag_count;
			u32 reserved3;
		} event;
	};
};

struct hv_connection_info {
	u32 type; /* the port's */
	u32 reserved;
	u64 reserved2[3];
};

/* HvCallCreatePort, 0x95. */
struct hv_create_port_input {
	u64 port_partition;
	u32 port_id;
	u8 port_vtl;
	u8 min_connection_vtl;
	u16 reserved;
	u64 connection_partition; /* whose connections may lead here */
	struct hv_port_info info;
	struct hv_proximity proximity;
};

/* HvCallDeletePort, 0x58. */
struct hv_delete_port_input {
	u64 port_partition;
	u32 port_id;
	u32 reserved;
};

/* HvCallConnectPort, 0x96. */
struct hv_connect_port_input {
	u64 connection_partition;
	u32 connection_id;
	u8 vtl;
	u8 reserved[3];
	u64 port_partition;
	u32 port_id;
	u32 reserved2;
	struct hv_connection_info info;
	struct hv_proximity proximity;
};

/* HvCallDisconnectPort, 0x5B. */
struct hv_disconnect_port_input {
	u64 connection_partition;
	u32 connection_id;
	u32 flags; /* bit 0, a doorbell's: not offered */
};

/* HvCallPostMessage, 0x5C. Of the payload only what its size says has a meaning. */
struct hv_post_message_input {
	u32 connection_id;
	u32 reserved;
	u32 type; /* not 0, and below HV_MESSAGE_OWN */
	u32 size;
	u64 payload[HV_MESSAGE_PAYLOAD_MAX / 8];
};
#define HV_MESSAGE_OWN 0x80000000u /* types from here on are the hypervisor's */

/* HvCallSignalEvent, 0x5D. */
struct hv_signal_event_input {
	u32 connection_id;
	u16 flag; /* counted from the port's first */
	u16 reserved;
};

/* HvCallSignalEventDirect, 0xC0; output: whether the flag was clear, u64. */
struct hv_signal_event_direct_input {
	u64 partition_id;
	u32 vp_index;
	u8 target_vtl;
	u8 sint;
	u16 flag;
};

/* HvCallPostMessageDirect, 0xC1. */
struct hv_post_message_direct_input {
	u64 partition_id;
	u32 vp_index;
	u8 target_vtl;
	u8 reserved[3];
	u8 sint;
	u8 reserved2[3];
	u8 message[sizeof(struct hv_message)]; /* what is to stand in the slot */
	u32 reserved3;
};

static_assert(sizeof(struct hv_event_flags_page) == 4096);
static_assert(sizeof(struct hv_port_info) == 24);
static_assert(offsetof(struct hv_port_info, event.flag_count) == 18);
static_assert(sizeof(struct hv_connection_info) == 32);
static_assert(sizeof(struct hv_create_port_input) == 56);
static_assert(offsetof(struct hv_create_port_input, info) == 24);
static_assert(sizeof(struct hv_delete_port_input) == 16);
static_assert(sizeof(struct hv_connect_port_input) == 72);
static_assert(offsetof(struct hv_connect_port_input, info) == 32);
static_assert(sizeof(struct hv_disconnect_port_input) == 16);
static_assert(sizeof(struct hv_post_message_input) == 256);
static_assert(sizeof(struct hv_signal_event_input) == 8);
static_assert(sizeof(struct hv_signal_event_direct_input) == 16);
static_assert(sizeof(struct hv_post_message_direct_input) == 280);
static_assert(offsetof(struct hv_post_message_direct_input, message) == 20);
