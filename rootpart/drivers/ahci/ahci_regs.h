/* SPDX-License-Identifier: MIT */
/*
 * Registers of an AHCI host bus adapter and what it reads and writes in memory.
 * Serial ATA AHCI 1.3.1: registers 3, memory 4, FIS by Serial ATA 3.1, 10.3.
 */
#pragma once

#include "base/types.h"

#define AHCI_BAR   5u
#define AHCI_PORTS 32u
#define AHCI_SLOTS 32u

/* The adapter's. */
#define AHCI_CAP      0x00u
#define AHCI_GHC      0x04u
#define AHCI_IS       0x08u
#define AHCI_PI       0x0cu
#define AHCI_CAP2     0x24u
#define AHCI_BOHC     0x28u

#define CAP_SLOTS(v)  ((((v) >> 8) & 0x1f) + 1)
#define CAP_CLO       BIT(24)
#define CAP_STAGGERED BIT(27)
#define CAP_NCQ       BIT(30)
#define CAP_64        BIT(31)
#define CAP2_HANDOFF  BIT(0)
#define GHC_RESET     BIT(0)
#define GHC_INTERRUPT BIT(1)
#define GHC_AHCI      BIT(31)
#define BOHC_BIOS     BIT(0) /* owns it */
#define BOHC_OS       BIT(1)
#define BOHC_BUSY     BIT(4)

/* A port's, from AHCI_PORT(n) on. */
#define AHCI_PORT(n)      (0x100u + 0x80u * (n))
#define AHCI_PORT_SIZE    0x80u
#define PORT_CLB          0x00u /* command list */
#define PORT_CLBU         0x04u
#define PORT_FB           0x08u /* received FIS */
#define PORT_FBU          0x0cu
#define PORT_IS           0x10u
#define PORT_IE           0x14u
#define PORT_CMD          0x18u
#define PORT_TFD          0x20u
#define PORT_SIG          0x24u
#define PORT_SSTS         0x28u
#define PORT_SCTL         0x2cu
#define PORT_SERR         0x30u
#define PORT_SACT         0x34u
#define PORT_CI           0x38u

#define CMD_START         BIT(0)
#define CMD_SPIN_UP       BIT(1)
#define CMD_POWER_ON      BIT(2)
#define CMD_CLO           BIT(3)
#define CMD_FIS           BIT(4)
#define CMD_FIS_RUNS      BIT(14)
#define CMD_RUNS          BIT(15)
#define CMD_ATAPI         BIT(24)
#define CMD_ACTIVE        BIT(28)
#define CMD_STATE         0xf0000000u

#define TFD_STATUS(v)     ((u8)(v))
#define TFD_ERROR(v)      ((u8)((v) >> 8))
#define SSTS_DEVICE(v)    ((v)&0xf)
#define DEVICE_NONE       0u
#define DEVICE_UP         3u
#define SCTL_RESET        1u
#define SCTL_DEVICE       0xfu

#define SIGNATURE_DISK    0x00000101u
#define SIGNATURE_PACKET  0xeb140101u

#define PORT_IS_DEVICE    BIT(0) /* register FIS */
#define PORT_IS_QUEUED    BIT(3) /* set device bits FIS */
#define PORT_IS_OVERFLOW  BIT(24)
#define PORT_IS_LINK      BIT(27) /* fatal interface error */
#define PORT_IS_HOST_DATA BIT(28)
#define PORT_IS_HOST      BIT(29)
#define PORT_IS_TASK_FILE BIT(30)
#define PORT_IS_ERRORS                                                              \
	((u32)(PORT_IS_OVERFLOW | PORT_IS_LINK | PORT_IS_HOST_DATA | PORT_IS_HOST | \
		PORT_IS_TASK_FILE))
#define PORT_IE_ALL ((u32)(PORT_IS_DEVICE | PORT_IS_QUEUED) | PORT_IS_ERRORS)

/* Command header, first word. */
#define HEADER_FIS_WORDS 5u
#define HEADER_PACKET    BIT(5)
#define HEADER_WRITE     BIT(6)
#define HEADER_ENTRIES   16 /* shift */

struct ahci_header {
	u32 flags;
	u32 bytes; /* that were transferred */
	u64 table;
	u32 reserved[4];
};
static_assert(sizeof(struct ahci_header) == 32);

#define ENTRY_MAX (4 * MIB)

struct ahci_entry {
	u64 address;
	u32 reserved;
	u32 last; /* bytes, less one */
};
static_assert(sizeof(struct ahci_entry) == 16);

#define FIS_HOST       0x27u
#define FIS_COMMAND    0x80u
#define FIS_HOST_BYTES 20u

#define TABLE_SIZE     4096u
#define TABLE_FIXED    128u
#define TABLE_ENTRIES  ((TABLE_SIZE - TABLE_FIXED) / 16)
#define TABLE_RANGES   (TABLE_SIZE - 512) /* of TRIM, which has one entry only */

struct ahci_table {
	u8 fis[64];
	u8 packet[16];
	u8 reserved[48];
	struct ahci_entry entries[TABLE_ENTRIES];
};
static_assert(sizeof(struct ahci_table) == TABLE_SIZE);

/* A port's memory besides its tables, a page. */
struct ahci_memory {
	struct ahci_header headers[AHCI_SLOTS];
	u8 received[256]; /* FIS */
	u8 reserved[0x300];
	u8 table[TABLE_FIXED + sizeof(struct ahci_entry)]; /* of the driver's own commands */
	u8 reserved2[0x200 - TABLE_FIXED - sizeof(struct ahci_entry)];
	u8 data[512];
	u8 reserved3[0x400];
};
static_assert(sizeof(struct ahci_memory) == 4096);
static_assert(offsetof(struct ahci_memory, table) % 128 == 0);
