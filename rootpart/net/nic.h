/* SPDX-License-Identifier: MIT */
/*
 * Network interfaces: Ethernet frames in and out by scatter/gather, with the
 * offloads that the device has. Nothing here waits. One user at a time takes
 * what a NIC receives: the switch's uplink, or a command.
 * Context: sending on any VP, in tasks or work; receiving and completions by work
 * of the NIC's VP.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "lib/list.h"

#define NIC_NAME_SIZE    16u /* "nic0" */
#define NIC_SEGMENTS_MAX 40u
#define NIC_MTU_MAX      9000u /* bytes behind the Ethernet header */
#define NIC_HEADER       14u

struct nic_segment {
	gpa_t gpa;
	u32 len;
};

/* What the device is to compute of a frame that is sent; offsets in bytes from its start. */
struct nic_offload {
	bool checksum; /* ones' complement sum from csum_start on, stored at csum_start + csum_offset */
	u16 csum_start; /* the pseudo header's sum stands there already */
	u16 csum_offset;
	u16 segment_size; /* TCP payload of each segment; 0: it is not to be cut */
	bool ipv6;        /* with segment_size */
	u16 ip_start;
	u16 header_size; /* up to the TCP payload */
};

/* The sender's, until done() is called. */
struct nic_frame {
	const struct nic_segment *segments;
	u32 segment_count;
	u32 bytes;
	struct nic_offload offload;
	/* Called once, never inside nic_send(). error: 0; -EINVAL; -EMSGSIZE; -ENETDOWN: no link, or reset; -EIO. */
	void (*done)(struct nic_frame *f);
	int error;
	struct list_node link; /* the driver's */
};

/* A frame that came, in buffers of the driver's that are its again when receive() returns. */
struct nic_received {
	const struct nic_segment *segments;
	u32 segment_count;
	u32 bytes;          /* without its checksum */
	bool checksum_good; /* TCP's or UDP's; else it is not known */
};

struct nic;

/* Whoever takes the frames. Work; not called any more once nic_close() has returned. */
struct nic_user {
	void (*receive)(struct nic_user *u, const struct nic_received *f);
	void (*link)(struct nic_user *u, bool up);
};

struct nic_ops {
	/*
	 * Takes @f for sending; false: there is no room, it is to come again. The NIC's
	 * send lock is held, interrupts off.
	 */
	bool (*send)(struct nic *n, struct nic_frame *f);
	/* What was sent since the last call is to go. May be NULL. */
	void (*kick)(struct nic *n);
	/* Which frames come: its own and broadcasts always. Tasks. */
	int (*filter)(struct nic *n, bool promiscuous, bool all_multicast);
	/* Frames of up to @mtu + NIC_HEADER bytes. Tasks; -EINVAL. */
	int (*set_mtu)(struct nic *n, u32 mtu);
	/* What was sent has not ended for too long: ends it with an error, resets the device. Tasks. */
	int (*recover)(struct nic *n);
};

struct nic_stats {
	u64 sent, sent_bytes, received, received_bytes;
	u64 send_errors, receive_errors, receive_dropped; /* no buffer, or nobody takes them */
	u64 resets;
};

/* A driver's. Constant after nic_register() but where it says. */
struct nic {
	char name[NIC_NAME_SIZE]; /* nic_register() gives it */
	const char *driver;
	u8 mac[6];
	u32 max_mtu;
	u32 max_segments; /* of a frame that is sent */
	bool can_checksum;
	bool can_segment; /* TCP over IPv4 and IPv6 */
	u32 vp;           /* where it completes */
	const struct nic_ops *ops;
	void *driver_data;

	/* Any VP, atomic. */
	bool link_up;
	u32 link_mbit;
	struct nic_stats stats; /* the driver's, its VP */

	/* The layer's. */
	struct nic_user *user;
	u32 mtu;
	struct list_node link;
};

/* As "nic0", "nic1" in the order of calls. */
void nic_register(struct nic *n);
struct nic *nic_next(const struct nic *n); /* NULL: the first; NULL behind the last */
struct nic *nic_find(const char *name);

/* Has @u take what comes. -EBUSY: somebody has it; -ENODEV: it is off line. Tasks. */
[[nodiscard]] int nic_open(struct nic *n, struct nic_user *u);
void nic_close(struct nic *n);
[[nodiscard]] int nic_filter(struct nic *n, bool promiscuous, bool all_multicast);
[[nodiscard]] int nic_set_mtu(struct nic *n, u32 mtu);
/* Sends @f, now or when there is room. */
void nic_send(struct nic *n, struct nic_frame *f);

/* For drivers. Work of the NIC's VP. */
void nic_sent(struct nic *n, struct nic_frame *f, int error);
void nic_receive(struct nic *n, const struct nic_received *f);
void nic_link(struct nic *n, bool up, u32 mbit);
