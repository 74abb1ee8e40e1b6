/* SPDX-License-Identifier: MIT */
/*
 * What the files of the driver of virtio NICs share. All of a NIC completes on one VP:
 * what is received is that VP's alone, by work and by tasks that do not wait meanwhile.
 * Locks: the layer's send lock, then the driver's.
 */
#pragma once

#include "rootpart/drivers/virtio/virtio.h"
#include "rootpart/drivers/virtio/virtio_net_regs.h"
#include "rootpart/net/nic.h"
#include "x86/spinlock.h"

#define VIRTIO_NET_BUFFER       2048u /* of a frame that is received, or of a part of it */
#define VIRTIO_NET_CHAIN_MAX    NIC_SEGMENTS_MAX
#define VIRTIO_NET_TURN         64u /* frames that one turn of the work receives */
#define VIRTIO_NET_HEAD_MAX     240u
#define VIRTIO_NET_CHAIN_DIRECT 16u /* where chains lie in the ring */

/* What stands before a frame's data, and its headers if the device is to cut it. */
struct virtio_net_head {
	u8 unused[4];
	struct virtio_net_header header;
	u8 data[VIRTIO_NET_HEAD_MAX];
};
static_assert(sizeof(struct virtio_net_head) == 256);

/* The driver's lock, but for the rings' memory. */
struct virtio_net_tx {
	struct virtio_queue vq;
	struct spinlock lock;
	struct virtio_net_head *heads; /* for each slot */
	struct nic_frame *frames[VIRTQ_SIZE_MAX];
	u16 free[VIRTQ_SIZE_MAX];
	u32 free_count;
};

/* The page of the control queue. */
struct virtio_net_command {
	u8 class;
	u8 command;
	u8 data;
	u8 unused[13];
	u8 ack;
};

struct virtio_net {
	struct virtio v;
	struct nic nic;
	bool mergeable; /* a frame may take several buffers */
	bool has_rx;    /* it can be told which frames it is to receive */
	bool live;      /* it may be used; atomic */
	struct virtio_queue rx;
	struct virtio_queue ctrl;
	struct virtio_net_tx tx;
	u8 *buffers; /* of rx, for each slot */
	struct virtio_net_command *command;
	/* The NIC's control mutex. */
	bool promiscuous;
	bool all_multicast;
};

/* virtio_net_start.c: from reset to work, not live yet; again after each reset. Tasks. */
[[nodiscard]] int virtio_net_negotiate(struct virtio_net *n);
[[nodiscard]] int virtio_net_start(struct virtio_net *n);
/* The NIC's VP, tasks. */
void virtio_net_go_live(struct virtio_net *n);
void virtio_net_config_work(struct work *w);
/* The device talks nonsense: it is left alone until it is reset. Any context. */
void virtio_net_fail(struct virtio_net *n, const char *why);

/* virtio_net_receive.c. */
void virtio_net_rx_fill(struct virtio_net *n);
void virtio_net_rx_work(struct work *w);

/* virtio_net_offload.c. */
/* What the device is told of @f; the headers of one to be cut are copied, and mended. */
u32 virtio_net_head_make(struct virtio_net_head *head, const struct nic_frame *f);
/* Completes a checksum that the sender left to its device. False: it lies outside the frame. */
[[nodiscard]] bool virtio_net_checksum(const struct nic_received *f, u32 start, u32 offset);

/* virtio_net_send.c. */
void virtio_net_tx_init(struct virtio_net_tx *tx);
bool virtio_net_send(struct nic *nic, struct nic_frame *f);
void virtio_net_kick(struct nic *nic);
void virtio_net_tx_work(struct work *w);
/* Ends what was sent, as far as one turn goes. True: there may be more. NIC's VP. */
bool virtio_net_reap(struct virtio_net *n);
/* Ends all that is under way; the device has been reset. NIC's VP. */
void virtio_net_tx_drop(struct virtio_net *n);

/* virtio_net_control.c; tasks, the NIC's control mutex. */
extern const struct nic_ops virtio_net_ops;
/* Tells the device which frames it is to receive. -ETIMEDOUT; -EIO: it refuses. */
[[nodiscard]] int virtio_net_set_receive(struct virtio_net *n);
