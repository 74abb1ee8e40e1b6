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
#include "rootpart/mutex.h"
#include "rootpart/waitq.h"
#include "x86/spinlock.h"

#define NIC_NAME_SIZE    16u /* "nic0" */
#define NIC_SEGMENTS_MAX 40u
#define NIC_MTU_MAX      9000u /* bytes behind the Ethernet header */
#define NIC_HEADER       14u
#define NIC_TAG          4u                    /* a VLAN's, which a frame may have besides */
#define NIC_TSO_MAX      (65535u + NIC_HEADER) /* bytes of a frame to be cut */

struct nic_segment {
	gpa_t gpa;
	u32 len;
};

/* What the device is to compute of a frame that is sent; offsets in bytes from its start. */
struct nic_offload {
	bool checksum; /* ones' complement sum from csum_start on, stored at csum_start + csum_offset */
	u16 csum_start; /* the pseudo header's sum stands there already */
	u16 csum_offset;
	/*
	 * TCP payload of each segment; 0: it is not to be cut. With it, as in NDIS' LSOv2, the
	 * pseudo header's sum is without the length; IP's length and IPv4's checksum are 0.
	 */
	u16 segment_size;
	bool ipv6; /* with segment_size */
	u16 ip_start;
	u16 header_size; /* up to the TCP payload */
};

/* The sender's, until done() is called. */
struct nic_frame {
	const struct nic_segment *segments;
	u32 segment_count;
	u32 bytes;
	struct nic_offload offload;
	/*
	 * Called once, never inside nic_send(). error: 0; -EINVAL; -EMSGSIZE; -ENETDOWN: no
	 * link, off line, or reset; -EIO; -ENOMEM: no bounce memory.
	 */
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
	/* Frames of up to @mtu + NIC_HEADER + NIC_TAG bytes. Tasks; -EINVAL. */
	int (*set_mtu)(struct nic *n, u32 mtu);
	/*
	 * What was sent has not ended for too long, or the driver asked for it: gives all that
	 * it holds back by nic_sent(-ENETDOWN), and resets the device. A task of the NIC's VP,
	 * which may wait for bounded time. Not 0: it cannot be used any more, and goes off line.
	 */
	int (*recover)(struct nic *n);
};

/* Counted by the layer, but for what the driver adds to where it says. */
struct nic_stats {
	u64 sent, sent_bytes, received, received_bytes;
	u64 send_errors;
	u64 receive_errors;  /* the driver's: the device says that they are damaged */
	u64 receive_dropped; /* nobody takes them; the driver's: no buffer */
	u64 resets;
	u64 bounced; /* sent by way of memory of ours */
};

/* A driver's. Constant after nic_register() but where it says. */
struct nic {
	char name[NIC_NAME_SIZE]; /* nic_register() gives it */
	const char *driver;
	u8 mac[6];
	u32 max_mtu;
	u32 max_segments; /* of a frame that is sent */
	bool can_checksum;
	bool can_segment;      /* TCP over IPv4, */
	bool can_segment_ipv6; /* and over IPv6 */
	u16 max_csum; /* last offset of a sum, and of its start, that the device knows; 0: any */
	u32 vp;       /* where it completes: its interrupt's, so 0 with a shared pin */
	const struct nic_ops *ops;
	void *driver_data;

	/* Any VP, atomic. */
	bool link_up;
	u32 link_mbit;
	struct nic_stats stats; /* the NIC's VP; bounced any, atomic */

	/* The layer's. */
	struct nic_user *user; /* any VP, atomic */
	bool receiving;        /* its user is called now; any VP, atomic */
	struct mutex
		control; /* outside of the send lock: one filter(), set_mtu(), recover() at a time */
	u32 mtu;
	struct list_node link;
	struct spinlock lock;     /* the send lock, for what follows; interrupts off */
	struct list_node waiting; /* frames for which there was no room */
	struct list_node refused; /* frames whose done() is to be called */
	u64 taken;                /* frames that the driver took, */
	u64 ended;                /* and those that it gave back; NIC's VP, atomic */
	const char *broken;       /* why it is to be reset; NULL: it is not */
	bool stopped;             /* meanwhile nothing is sent */
	bool offline;             /* for ever */
	bool watched;             /* the task looks again whether sending ends */
	struct wait_queue wake;   /* the task's, */
	u64 look_at;              /* as is what follows; TIME_NEVER: nothing is under way */
	u64 looked;               /* frames that had ended at the last look */
	u64 reset_at;
	u32 resets; /* in a row */
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
/*
 * The device cannot be trusted any more: recover() is called soon. @why is for the one
 * log line, and lives for ever. Any context.
 */
void nic_ask_recover(struct nic *n, const char *why);
