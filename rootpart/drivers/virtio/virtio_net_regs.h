/* SPDX-License-Identifier: MIT */
/*
 * The network device: features, configuration, what stands before each frame, and the
 * commands of its control queue. VIRTIO 1.2, 5.1.
 */
#pragma once

#include "base/types.h"

/* 5.1.2 Queues of a pair; the control queue stands behind all pairs. */
#define VIRTIO_NET_RX   0u
#define VIRTIO_NET_TX   1u
#define VIRTIO_NET_CTRL 2u

/* 5.1.3 Features. */
#define VIRTIO_NET_F_CSUM         BIT(0)
#define VIRTIO_NET_F_GUEST_CSUM   BIT(1)
#define VIRTIO_NET_F_MTU          BIT(3)
#define VIRTIO_NET_F_MAC          BIT(5)
#define VIRTIO_NET_F_HOST_TSO4    BIT(11)
#define VIRTIO_NET_F_HOST_TSO6    BIT(12)
#define VIRTIO_NET_F_MRG_RXBUF    BIT(15)
#define VIRTIO_NET_F_STATUS       BIT(16)
#define VIRTIO_NET_F_CTRL_VQ      BIT(17)
#define VIRTIO_NET_F_CTRL_RX      BIT(18)
#define VIRTIO_NET_F_SPEED_DUPLEX BIT(63)

/* 5.1.4 Configuration, bytes. */
#define VIRTIO_NET_MAC      0u
#define VIRTIO_NET_STATUS   6u  /* 16 bits */
#define VIRTIO_NET_MTU      10u /* 16 bits */
#define VIRTIO_NET_SPEED    12u /* 32 bits, Mbit/s */

#define VIRTIO_NET_LINK_UP  BIT(0)
#define VIRTIO_NET_NO_SPEED 0x7fffffffu /* above: not known */

/* 5.1.6 */
struct virtio_net_header {
	u8 flags;
	u8 gso_type;
	u16 header_size;
	u16 gso_size;
	u16 csum_start;
	u16 csum_offset;
	u16 buffers;
};
static_assert(sizeof(struct virtio_net_header) == 12);

#define VIRTIO_NET_NEEDS_CSUM 1u
#define VIRTIO_NET_DATA_VALID 2u
#define VIRTIO_NET_GSO_NONE   0u
#define VIRTIO_NET_GSO_TCPV4  1u
#define VIRTIO_NET_GSO_TCPV6  4u

/* 5.1.6.5 A command: class, command, data; then one byte of the device's. */
#define VIRTIO_NET_CTRL_RX        0u
#define VIRTIO_NET_RX_PROMISCUOUS 0u
#define VIRTIO_NET_RX_ALLMULTI    1u
#define VIRTIO_NET_ACK_OK         0u
#define VIRTIO_NET_ACK_NONE       0xffu
