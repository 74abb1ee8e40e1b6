/* SPDX-License-Identifier: MIT */
/*
 * Packets of synthetic SCSI, as Linux and OpenVMM have them: 64 bytes, in-band or behind a list of the guest's
 * pages; every answer is one as well.
 */
#pragma once

#include "base/types.h"

enum vstor_operation {
	VSTOR_COMPLETE_IO = 1,   /* every answer */
	VSTOR_REMOVE_DEVICE = 2, /* to the guest, unasked: look at the bus again */
	VSTOR_EXECUTE_SRB = 3,
	VSTOR_RESET_LUN = 4,
	VSTOR_RESET_ADAPTER = 5,
	VSTOR_RESET_BUS = 6,
	VSTOR_BEGIN_INITIALIZATION = 7,
	VSTOR_END_INITIALIZATION = 8,
	VSTOR_QUERY_PROTOCOL_VERSION = 9,
	VSTOR_QUERY_PROPERTIES = 10,
	VSTOR_ENUMERATE_BUS = 11, /* to the guest, unasked */
	VSTOR_CREATE_SUB_CHANNELS = 13,
};

#define VSTOR_VERSION_5_1             0x0501u
#define VSTOR_VERSION_6_0             0x0600u
#define VSTOR_VERSION_6_2             0x0602u

#define VSTOR_STATUS_OK               0u
#define VSTOR_STATUS_INVALID          0xc000000du /* parameter */
#define VSTOR_STATUS_NOT_SUPPORTED    0xc00000bbu
#define VSTOR_STATUS_REVISION_UNKNOWN 0xc0000059u

#define VSTOR_MULTI_CHANNEL           1u /* in flags of the properties */

/* Of a request, and of its end. */
#define SRB_SUCCESS         0x01u
#define SRB_ERROR           0x04u
#define SRB_INVALID_REQUEST 0x06u
#define SRB_INVALID_LUN     0x20u
#define SRB_SENSE_VALID     0x80u

enum vstor_direction { VSTOR_WRITE = 0, VSTOR_READ = 1, VSTOR_NO_DATA = 2 };

#define VSTOR_SENSE_ROOM 20u

struct vstor_srb {
	u16 length;
	u8 srb_status;
	u8 scsi_status;
	u8 port;
	u8 path;
	u8 target;
	u8 lun;
	u8 cdb_length;
	u8 sense_length; /* room for it; how much there is */
	u8 direction;    /* enum vstor_direction */
	u8 reserved;
	u32 transfer_length; /* of the guest's memory; what was moved */
	u8 cdb_or_sense[VSTOR_SENSE_ROOM];
	u16 reserved2;
	u8 queue_tag;
	u8 queue_action;
	u32 srb_flags;
	u32 timeout; /* seconds */
	u32 sort_key;
};

struct vstor_properties {
	u32 reserved;
	u16 max_subchannels;
	u16 reserved2;
	u32 flags;
	u32 max_transfer; /* bytes */
	u64 reserved3;
} __packed;

struct vstor_packet {
	u32 operation;
	u32 flags;
	u32 status;
	union {
		struct vstor_srb srb;
		struct {
			u16 version;
			u16 revision;
		};
		u16 subchannels;
		struct vstor_properties properties;
		u8 bytes[52];
	};
};

static_assert(sizeof(struct vstor_srb) == 52 && sizeof(struct vstor_packet) == 64);
static_assert(offsetof(struct vstor_packet, srb) == 12);
static_assert(offsetof(struct vstor_srb, cdb_or_sense) == 16);
static_assert(offsetof(struct vstor_properties, max_transfer) == 12);
