/* SPDX-License-Identifier: MIT */
/*
 * The block device: features, configuration, requests. VIRTIO 1.2, 5.2.
 */
#pragma once

#include "base/types.h"

/* 5.2.3 Features. */
#define VIRTIO_BLK_F_SIZE_MAX   BIT(1)
#define VIRTIO_BLK_F_SEG_MAX    BIT(2)
#define VIRTIO_BLK_F_RO         BIT(5)
#define VIRTIO_BLK_F_BLK_SIZE   BIT(6)
#define VIRTIO_BLK_F_FLUSH      BIT(9)
#define VIRTIO_BLK_F_CONFIG_WCE BIT(11)
#define VIRTIO_BLK_F_MQ         BIT(12)
#define VIRTIO_BLK_F_DISCARD    BIT(13)

/* 5.2.4 Configuration, bytes. */
#define VIRTIO_BLK_CAPACITY      0u  /* 64 bits, units of 512 bytes */
#define VIRTIO_BLK_SIZE_MAX      8u  /* 32 bits */
#define VIRTIO_BLK_SEG_MAX       12u /* 32 bits */
#define VIRTIO_BLK_BLK_SIZE      20u /* 32 bits */
#define VIRTIO_BLK_WRITEBACK     32u /* 8 bits */
#define VIRTIO_BLK_NUM_QUEUES    34u /* 16 bits */
#define VIRTIO_BLK_DISCARD_MAX   36u /* 32 bits, units of 512 bytes */
#define VIRTIO_BLK_DISCARD_SEG   40u /* 32 bits */
#define VIRTIO_BLK_DISCARD_ALIGN 44u /* 32 bits, units of 512 bytes */

#define VIRTIO_BLK_SECTOR        512u

/* 5.2.6 What stands before a request's data. */
struct virtio_blk_header {
	u32 type;
	u32 reserved;
	u64 sector; /* units of 512 bytes */
};
static_assert(sizeof(struct virtio_blk_header) == 16);

#define VIRTIO_BLK_T_IN      0u
#define VIRTIO_BLK_T_OUT     1u
#define VIRTIO_BLK_T_FLUSH   4u
#define VIRTIO_BLK_T_GET_ID  8u
#define VIRTIO_BLK_T_DISCARD 11u

#define VIRTIO_BLK_ID_SIZE   20u

/* The data of a discard. */
struct virtio_blk_range {
	u64 sector;
	u32 count;
	u32 flags;
};
static_assert(sizeof(struct virtio_blk_range) == 16);

/* And the byte behind the data. */
#define VIRTIO_BLK_S_OK     0u
#define VIRTIO_BLK_S_IOERR  1u
#define VIRTIO_BLK_S_UNSUPP 2u
