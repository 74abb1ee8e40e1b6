/* SPDX-License-Identifier: MIT */
/*
 * The journal (jbd2) as it lies in its inode's blocks. Big-endian throughout.
 * Documentation: Linux, "ext4 Data Structures and Algorithms", journal.
 */
#pragma once

#include "base/types.h"

#define JBD2_MAGIC            0xc03b3998u

#define JBD2_BLOCK_DESCRIPTOR 1u
#define JBD2_BLOCK_COMMIT     2u
#define JBD2_BLOCK_SUPER_V1   3u
#define JBD2_BLOCK_SUPER_V2   4u
#define JBD2_BLOCK_REVOKE     5u

#define JBD2_COMPAT_CHECKSUM  BIT(0)
#define JBD2_INCOMPAT_REVOKE  BIT(0)
#define JBD2_INCOMPAT_64BIT   BIT(1)
#define JBD2_INCOMPAT_ASYNC   BIT(2)
#define JBD2_INCOMPAT_CSUM_V2 BIT(3)
#define JBD2_INCOMPAT_CSUM_V3 BIT(4)
#define JBD2_INCOMPAT_FAST    BIT(5)

#define JBD2_ERROR_DAMAGED    117 /* negative, in jbd2_super.error: the volume was found damaged */

struct jbd2_header {
	u32 magic;
	u32 type;
	u32 sequence;
};

struct jbd2_super {
	struct jbd2_header header;
	u32 block_size;
	u32 max_len;  /* blocks of the journal */
	u32 first;    /* block of the log */
	u32 sequence; /* the first transaction's in the log */
	u32 start;    /* its block; 0: the log is empty */
	u32 error;
	u32 feature_compat;
	u32 feature_incompat;
	u32 feature_ro_compat;
	u8 uuid[16];
	u32 users;
	u32 dyn_super;
	u32 max_transaction;
	u32 max_trans_data;
	u8 checksum_type; /* 4: CRC-32C */
	u8 padding2[3];
	u32 fast_blocks;
	u32 head;
	u32 padding[40];
	u32 checksum; /* of all 1024 bytes, itself 0 */
	u8 user_ids[768];
};
static_assert(sizeof(struct jbd2_super) == 1024);
static_assert(offsetof(struct jbd2_super, checksum) == 0xfc);

#define JBD2_CHECKSUM_CRC32C 4u

#define JBD2_TAG_ESCAPED     1u /* the block began with the magic number; 0 stands there */
#define JBD2_TAG_SAME_UUID   2u /* no UUID follows */
#define JBD2_TAG_DELETED     4u
#define JBD2_TAG_LAST        8u

/* With CSUM_V3. */
struct jbd2_tag3 {
	u32 block_lo;
	u32 flags;
	u32 block_hi;
	u32 checksum; /* of sequence and the block as it is written */
};
static_assert(sizeof(struct jbd2_tag3) == 16);

/* Without; block_hi is there with 64BIT only. checksum's low half with CSUM_V2. */
struct jbd2_tag {
	u32 block_lo;
	u16 checksum;
	u16 flags;
	u32 block_hi;
};

/* The last bytes of descriptor and revoke blocks, with CSUM_V2 or V3. */
struct jbd2_tail {
	u32 checksum;
};

struct jbd2_commit {
	struct jbd2_header header;
	u8 checksum_type;
	u8 checksum_size;
	u8 padding[2];
	u32 checksum[8]; /* [0] with CSUM_V2 or V3: of the whole block, itself 0 */
	u64 seconds;
	u32 ns;
} __attribute__((packed));
static_assert(sizeof(struct jbd2_commit) == 60);

struct jbd2_revoke {
	struct jbd2_header header;
	u32 count; /* bytes that are used, this header included; then block numbers, 4 or 8 bytes */
};
