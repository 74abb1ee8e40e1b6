/* SPDX-License-Identifier: MIT */
/*
 * The messages by which a guest finds the devices of the bus, and opens and closes their channels:
 * payloads of SynIC messages, to the guest's SINT 2 and from it by HvCallPostMessage. As Linux
 * and OpenVMM have them; packed, little-endian. Each is exactly as long as its struct, but
 * for lists of pages, which end with the message.
 */
#pragma once

#include "base/types.h"
#include "lib/guid.h"

#define VMBUS_SINT         2u
#define VMBUS_MESSAGE_TYPE 1u /* of the SynIC message */
#define VMBUS_MESSAGE_MAX  240u

/* Connections that every guest has. */
#define VMBUS_CONNECTION_MESSAGE    1u /* for all messages below version 5.0 */
#define VMBUS_CONNECTION_CONTACT    4u /* for the first one from 5.0 on */
#define VMBUS_CONNECTION_EVENT      2u
#define VMBUS_CONNECTION_MONITOR    3u

#define VMBUS_RELID_MAX             2047u /* event flags of the SINT; 0 is the bus itself */

#define VMBUS_VERSION(major, minor) ((u32)(major) << 16 | (minor))
#define VMBUS_VERSION_2_4           VMBUS_VERSION(2, 4)
#define VMBUS_VERSION_3_0           VMBUS_VERSION(3, 0)
#define VMBUS_VERSION_4_0           VMBUS_VERSION(4, 0)
#define VMBUS_VERSION_4_1           VMBUS_VERSION(4, 1)
#define VMBUS_VERSION_5_0           VMBUS_VERSION(5, 0)
#define VMBUS_VERSION_5_1           VMBUS_VERSION(5, 1)
#define VMBUS_VERSION_5_2           VMBUS_VERSION(5, 2)
#define VMBUS_VERSION_5_3           VMBUS_VERSION(5, 3)

/* > to the guest, < from it. */
enum vmbus_message_type {
	VMBUS_OFFER_CHANNEL = 1,        /* > */
	VMBUS_RESCIND_OFFER = 2,        /* > */
	VMBUS_REQUEST_OFFERS = 3,       /* < */
	VMBUS_ALL_OFFERS_DELIVERED = 4, /* > */
	VMBUS_OPEN_CHANNEL = 5,         /* < */
	VMBUS_OPEN_RESULT = 6,          /* > */
	VMBUS_CLOSE_CHANNEL = 7,        /* <, no answer */
	VMBUS_GPADL_HEADER = 8,         /* < */
	VMBUS_GPADL_BODY = 9,           /* < */
	VMBUS_GPADL_CREATED = 10,       /* > */
	VMBUS_GPADL_TEARDOWN = 11,      /* < */
	VMBUS_GPADL_TORNDOWN = 12,      /* > */
	VMBUS_RELID_RELEASED = 13,      /* < */
	VMBUS_INITIATE_CONTACT = 14,    /* < */
	VMBUS_VERSION_RESPONSE = 15,    /* > */
	VMBUS_UNLOAD = 16,              /* < */
	VMBUS_UNLOAD_RESPONSE = 17,     /* > */
	VMBUS_TL_CONNECT_REQUEST = 21,  /* <, hvsock's */
	VMBUS_MODIFY_CHANNEL = 22,      /* < */
	VMBUS_TL_CONNECT_RESULT = 23,   /* > */
	VMBUS_MODIFY_RESPONSE = 24,     /* >, from 5.3 on */
};

struct vmbus_header {
	u32 type;
	u32 padding;
};

struct vmbus_offer {
	struct vmbus_header header;
	struct guid interface; /* which kind of device */
	struct guid instance;  /* which one */
	u64 reserved[2];
	u16 flags;
	u16 mmio_megabytes;
	u8 user[120];
	u16 subchannel; /* 0: the primary */
	u16 reserved2;
	u32 relid;
	u8 monitor_id;
	u8 monitor_allocated; /* bit 0 */
	u16 dedicated;        /* bit 0: no bit in the interrupt page */
	u32 connection;       /* for HvCallSignalEvent */
} __packed;

/* RESCIND_OFFER, CLOSE_CHANNEL, RELID_RELEASED. */
struct vmbus_relid {
	struct vmbus_header header;
	u32 relid;
};

struct vmbus_open {
	struct vmbus_header header;
	u32 relid;
	u32 open_id;
	u32 gpadl;      /* of both rings */
	u32 vp;         /* to be interrupted; VMBUS_NO_VP */
	u32 downstream; /* page of the GPADL where the ring to the guest begins */
	u8 user[120];
};
#define VMBUS_NO_VP 0xffffffffu

struct vmbus_open_result {
	struct vmbus_header header;
	u32 relid;
	u32 open_id;
	u32 status; /* 0: it is open */
};

/* Memory that the guest shares: PFNs follow, as many as fit, and more by GPADL_BODY. */
struct vmbus_gpadl_header {
	struct vmbus_header header;
	u32 relid;
	u32 gpadl;
	u16 range_bytes; /* of all ranges, in all messages */
	u16 range_count;
	/* The first range. */
	u32 byte_count;
	u32 byte_offset;
} __packed;

struct vmbus_gpadl_body {
	struct vmbus_header header;
	u32 number; /* without meaning */
	u32 gpadl;
};

struct vmbus_gpadl_created {
	struct vmbus_header header;
	u32 relid;
	u32 gpadl;
	u32 status; /* 0 */
};

struct vmbus_gpadl_teardown {
	struct vmbus_header header;
	u32 relid;
	u32 gpadl;
};

struct vmbus_gpadl_torndown {
	struct vmbus_header header;
	u32 gpadl;
};

struct vmbus_contact {
	struct vmbus_header header;
	u32 version;
	u32 vp;             /* where messages go */
	u64 interrupt_page; /* from 5.0 on: SINT in bits 7:0 */
	u64 monitor_to_guest;
	u64 monitor_from_guest;
};

struct vmbus_version_response {
	struct vmbus_header header;
	u8 supported;
	u8 state;
	u16 padding;
	u32 connection; /* from 5.0 on: for all later messages */
};

struct vmbus_modify {
	struct vmbus_header header;
	u32 relid;
	u32 vp;
};

struct vmbus_modify_response {
	struct vmbus_header header;
	u32 relid;
	u32 status;
};

static_assert(sizeof(struct vmbus_offer) == 196 && offsetof(struct vmbus_offer, relid) == 184);
static_assert(sizeof(struct vmbus_open) == 148 && offsetof(struct vmbus_open, user) == 28);
static_assert(sizeof(struct vmbus_open_result) == 20 && sizeof(struct vmbus_relid) == 12);
static_assert(sizeof(struct vmbus_gpadl_header) == 28);
static_assert(sizeof(struct vmbus_gpadl_body) == 16 && sizeof(struct vmbus_gpadl_created) == 20);
static_assert(sizeof(struct vmbus_contact) == 40 && sizeof(struct vmbus_version_response) == 16);
static_assert(sizeof(struct vmbus_modify) == 16 && sizeof(struct vmbus_modify_response) == 16);
