/* SPDX-License-Identifier: MIT */
/*
 * NVMe as the controller sees it: registers, commands, completions, what it
 * says of itself. All little-endian. NVM Express Base Specification 1.4; the
 * figure or section is named at each.
 */
#pragma once

#include "base/types.h"

/* 3.1 Controller registers, bytes from the start of BAR 0. */
#define NVME_CAP_LOW   0x00u
#define NVME_CAP_HIGH  0x04u
#define NVME_VERSION   0x08u
#define NVME_INTMS     0x0cu /* sets bits of the mask of a pin, or of MSI */
#define NVME_INTMC     0x10u /* and clears them */
#define NVME_CC        0x14u
#define NVME_CSTS      0x1cu
#define NVME_AQA       0x24u
#define NVME_ASQ       0x28u
#define NVME_ACQ       0x30u
#define NVME_BELLS     0x1000u
#define NVME_REGS_SIZE 0x1000u

/* 3.1.1 Capabilities. */
#define NVME_CAP_MQES(cap)   ((u32)((cap)&0xffff) + 1)   /* entries of a queue, at most */
#define NVME_CAP_TO(cap)     ((u32)((cap) >> 24) & 0xff) /* units of 500 ms */
#define NVME_CAP_DSTRD(cap)  ((u32)((cap) >> 32) & 0xf)
#define NVME_CAP_NVM         BIT(37)
#define NVME_CAP_MPSMIN(cap) ((u32)((cap) >> 48) & 0xf) /* 0: pages of 4 KiB */

/* 3.1.5 Configuration: NVM commands, pages of 4 KiB, round robin. */
#define NVME_CC_ENABLE        BIT(0)
#define NVME_CC_SHUTDOWN      (1u << 14)
#define NVME_CC_SHUTDOWN_MASK (3u << 14)
#define NVME_CC_ENTRIES       (6u << 16 | 4u << 20) /* of 64 and 16 bytes */

/* 3.1.6 Status. */
#define NVME_CSTS_READY         BIT(0)
#define NVME_CSTS_FATAL         BIT(1)
#define NVME_CSTS_SHUTDOWN      (2u << 2) /* done */
#define NVME_CSTS_SHUTDOWN_MASK (3u << 2)
#define NVME_GONE               (~0u) /* what registers read as that are not there */

/* 4.2 Submission queue entry. */
struct nvme_command {
	u8 opcode;
	u8 flags;
	u16 id;
	u32 nsid;
	u64 reserved;
	u64 metadata;
	u64 prp1;
	u64 prp2;
	u32 dw10;
	u32 dw11;
	u32 dw12;
	u32 dw13;
	u32 dw14;
	u32 dw15;
};
static_assert(sizeof(struct nvme_command) == 64);
static_assert(offsetof(struct nvme_command, prp1) == 24);
static_assert(offsetof(struct nvme_command, dw10) == 40);

/* 4.6 Completion queue entry. */
struct nvme_completion {
	u32 result;
	u32 reserved;
	u16 sq_head;
	u16 sq_id;
	u16 id;
	u16 status; /* bit 0: the phase */
};
static_assert(sizeof(struct nvme_completion) == 16);
static_assert(offsetof(struct nvme_completion, status) == 14);

#define NVME_PHASE               1u
#define NVME_STATUS_CODE(status) ((u32)(status) >> 1 & 0x7ff) /* type << 8 | code */

/* 4.6.1 Status types and codes that are told apart. */
#define NVME_SUCCESS           0x000u
#define NVME_INVALID_OPCODE    0x001u
#define NVME_WRITE_PROTECTED   0x020u
#define NVME_LBA_OUT_OF_RANGE  0x080u
#define NVME_CAPACITY_EXCEEDED 0x081u
#define NVME_READ_ONLY         0x182u

/* 5 Admin commands. */
#define NVME_ADMIN_CREATE_SQ     0x01u
#define NVME_ADMIN_CREATE_CQ     0x05u
#define NVME_ADMIN_IDENTIFY      0x06u
#define NVME_ADMIN_SET_FEATURES  0x09u

#define NVME_QUEUE_CONTIGUOUS    1u
#define NVME_QUEUE_INTERRUPTS    2u
#define NVME_FEATURE_QUEUES      0x07u

#define NVME_IDENTIFY_NAMESPACE  0u
#define NVME_IDENTIFY_CONTROLLER 1u
#define NVME_IDENTIFY_ACTIVE     2u /* namespaces' ids, ascending, from 1.1 on */
#define NVME_IDENTIFY_SIZE       4096u
#define NVME_VERSION_1_1         0x10100u

/* 5.15.2.2 Identify controller: offsets. */
#define NVME_ID_SERIAL      4u
#define NVME_ID_SERIAL_SIZE 20u
#define NVME_ID_MODEL       24u
#define NVME_ID_MODEL_SIZE  40u
#define NVME_ID_MDTS        77u
#define NVME_ID_NAMESPACES  516u
#define NVME_ID_ONCS        520u
#define NVME_ID_VWC         525u
#define NVME_ONCS_DISCARD   BIT(2)
#define NVME_VWC_PRESENT    BIT(0)

/* 5.15.2.1 Identify namespace: offsets. */
#define NVME_NS_SIZE          0u
#define NVME_NS_FORMATS       25u /* less one */
#define NVME_NS_FORMAT        26u
#define NVME_NS_ATTRIBUTES    99u
#define NVME_NS_LBA_FORMAT(i) (128u + 4 * (i))
#define NVME_NS_PROTECTED     BIT(0)
#define NVME_FORMAT_MASK      0xfu
#define NVME_LBAF_METADATA(f) ((f)&0xffff)
#define NVME_LBAF_SECTOR(f)   ((f) >> 16 & 0xff) /* power of two */

/* 6 NVM commands. */
#define NVME_FLUSH        0x00u
#define NVME_WRITE        0x01u
#define NVME_READ         0x02u
#define NVME_DATASET      0x09u
#define NVME_RW_FUA       BIT(30)
#define NVME_DATASET_DROP BIT(2)

/* 6.7 A range of Dataset Management. */
struct nvme_range {
	u32 attributes;
	u32 blocks;
	u64 first;
};
static_assert(sizeof(struct nvme_range) == 16);
