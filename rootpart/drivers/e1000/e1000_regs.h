/* SPDX-License-Identifier: MIT */
/*
 * Registers and descriptors of the 8254x and 82574 Ethernet controllers.
 * Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual,
 * 3 and 13; Intel 82574 GbE Controller Family Datasheet, 7 and 10.
 */
#pragma once

#include "base/types.h"

#define E1000_REGS_SIZE         0x20000u

#define E1000_CTRL              0x0000u
#define E1000_STATUS            0x0008u
#define E1000_EECD              0x0010u
#define E1000_EERD              0x0014u
#define E1000_CTRL_EXT          0x0018u
#define E1000_MDIC              0x0020u
#define E1000_FCAL              0x0028u
#define E1000_FCAH              0x002cu
#define E1000_FCT               0x0030u
#define E1000_ICR               0x00c0u /* reading clears */
#define E1000_ITR               0x00c4u /* units of 256 ns between two interrupts */
#define E1000_ICS               0x00c8u
#define E1000_IMS               0x00d0u
#define E1000_IMC               0x00d8u
#define E1000_EIAC              0x00dcu /* 82574 */
#define E1000_IAM               0x00e0u /* 82574 */
#define E1000_IVAR              0x00e4u /* 82574: which cause goes to which vector */
#define E1000_EITR0             0x00e8u /* 82574: ITR of vector 0 */
#define E1000_RCTL              0x0100u
#define E1000_FCTTV             0x0170u
#define E1000_TCTL              0x0400u
#define E1000_TIPG              0x0410u
#define E1000_RDBAL             0x2800u
#define E1000_RDBAH             0x2804u
#define E1000_RDLEN             0x2808u
#define E1000_RDH               0x2810u
#define E1000_RDT               0x2818u
#define E1000_RDTR              0x2820u
#define E1000_RADV              0x282cu
#define E1000_TDBAL             0x3800u
#define E1000_TDBAH             0x3804u
#define E1000_TDLEN             0x3808u
#define E1000_TDH               0x3810u
#define E1000_TDT               0x3818u
#define E1000_TIDV              0x3820u
#define E1000_TXDCTL            0x3828u
#define E1000_TADV              0x382cu
#define E1000_CRCERRS           0x4000u /* statistics: reading clears */
#define E1000_RXERRC            0x400cu
#define E1000_MPC               0x4010u
#define E1000_RXCSUM            0x5000u
#define E1000_RFCTL             0x5008u /* 82574 */
#define E1000_MTA               0x5200u
#define E1000_RAL(n)            (0x5400u + 8 * (n))
#define E1000_RAH(n)            (0x5404u + 8 * (n))
#define E1000_MRQC              0x5818u /* 82574 */

#define E1000_MTA_WORDS         128u
#define E1000_ADDRESSES         16u

#define CTRL_GIO_MASTER_DISABLE BIT(2) /* PCIe */
#define CTRL_LRST               BIT(3)
#define CTRL_ASDE               BIT(5)
#define CTRL_SLU                BIT(6)
#define CTRL_ILOS               BIT(7)
#define CTRL_FRCSPD             BIT(11)
#define CTRL_FRCDPX             BIT(12)
#define CTRL_RST                BIT(26)
#define CTRL_RFCE               BIT(27)
#define CTRL_TFCE               BIT(28)
#define CTRL_VME                BIT(30)
#define CTRL_PHY_RST            BIT(31)

#define STATUS_LU               BIT(1)
#define STATUS_SPEED_SHIFT      6u
#define STATUS_GIO_MASTER       BIT(19)

#define EECD_AUTO_RD            BIT(9) /* PCIe: what the EEPROM says has been read */

#define EERD_START              BIT(0)
#define EERD_DATA_SHIFT         16u
/* DONE and where the address stands differ. */
#define EERD_DONE            BIT(4)
#define EERD_ADDR_SHIFT      8u
#define EERD_PCIE_DONE       BIT(1)
#define EERD_PCIE_ADDR_SHIFT 2u

#define CTRL_EXT_PBA_CLR     BIT(31)

#define MDIC_REG_SHIFT       16u
#define MDIC_PHY_1           BIT(21)
#define MDIC_WRITE           BIT(26)
#define MDIC_READ            BIT(27)
#define MDIC_READY           BIT(28)
#define MDIC_ERROR           BIT(30)

/* IEEE 802.3, 22.2.4.1. */
#define PHY_CONTROL         0u
#define PHY_CONTROL_RESTART BIT(9)
#define PHY_CONTROL_ISOLATE BIT(10)
#define PHY_CONTROL_DOWN    BIT(11)
#define PHY_CONTROL_AUTO    BIT(12)

/* Interrupt causes: ICR, ICS, IMS, IMC. */
#define INT_TXDW  BIT(0)
#define INT_LSC   BIT(2)
#define INT_RXDMT BIT(4)
#define INT_RXO   BIT(6)
#define INT_RXT0  BIT(7)
#define INT_RXQ0  BIT(20) /* 82574 */
#define INT_TXQ0  BIT(22) /* 82574 */
#define INT_OTHER BIT(24) /* 82574 */

/* IVAR: receive queue 0, transmit queue 0 and all else to vector 0. */
#define IVAR_RXQ0_VALID  BIT(3)
#define IVAR_TXQ0_VALID  BIT(11)
#define IVAR_OTHER_VALID BIT(19)
#define IVAR_ON_TXDW     BIT(31)

#define RCTL_EN          BIT(1)
#define RCTL_UPE         BIT(3)
#define RCTL_MPE         BIT(4)
#define RCTL_LPE         BIT(5)
#define RCTL_BAM         BIT(15)
#define RCTL_SECRC       BIT(26)

#define TCTL_EN          BIT(1)
#define TCTL_PSP         BIT(3)
#define TCTL_CT_SHIFT    4u
#define TCTL_COLD_SHIFT  12u

#define TXDCTL_82574     BIT(22) /* "reserved, must be 1" */

#define RXCSUM_IPOFL     BIT(8)
#define RXCSUM_TUOFL     BIT(9)

#define RAH_AV           BIT(31)

/* Receive descriptor, legacy. */
struct e1000_rx_desc {
	u64 address;
	u16 length;
	u16 checksum;
	u8 status;
	u8 errors;
	u16 special;
};
static_assert(sizeof(struct e1000_rx_desc) == 16);
static_assert(offsetof(struct e1000_rx_desc, status) == 12);

#define RX_DD            BIT(0)
#define RX_EOP           BIT(1)
#define RX_IXSM          BIT(2) /* what follows means nothing */
#define RX_TCPCS         BIT(5) /* TCP's or UDP's checksum was looked at */

#define RX_ERROR_CE      BIT(0)
#define RX_ERROR_SE      BIT(1)
#define RX_ERROR_SEQ     BIT(2)
#define RX_ERROR_CXE     BIT(4)
#define RX_ERROR_TCPE    BIT(5)
#define RX_ERROR_IPE     BIT(6)
#define RX_ERROR_RXE     BIT(7)
#define RX_ERROR_DAMAGED (RX_ERROR_CE | RX_ERROR_SE | RX_ERROR_SEQ | RX_ERROR_CXE | RX_ERROR_RXE)

/* Transmit descriptor: data. */
struct e1000_tx_desc {
	u64 address;
	u32 command; /* and length */
	u8 status;
	u8 options;
	u16 special;
};
static_assert(sizeof(struct e1000_tx_desc) == 16);
static_assert(offsetof(struct e1000_tx_desc, status) == 12);

/* Transmit descriptor: context, for the data descriptors behind it. */
struct e1000_tx_context {
	u8 ip_start;
	u8 ip_sum;
	u16 ip_end; /* last byte; 0: the frame's */
	u8 tcp_start;
	u8 tcp_sum;
	u16 tcp_end;
	u32 command; /* and length of the payload */
	u8 status;
	u8 header_size;
	u16 segment_size;
};
static_assert(sizeof(struct e1000_tx_context) == 16);
static_assert(offsetof(struct e1000_tx_context, command) == 8);

#define TX_DATA (BIT(20) | TX_DEXT) /* else, with DEXT, it is a context */
#define TX_EOP  BIT(24)
#define TX_IFCS BIT(25)
#define TX_TSE  BIT(26)
#define TX_RS   BIT(27)
#define TX_DEXT BIT(29)
/* Of a context. */
#define TX_TCP        BIT(24)
#define TX_IPV4       BIT(25)

#define TX_DD         BIT(0)
#define TX_EC         BIT(1) /* too many collisions */
#define TX_LC         BIT(2) /* a late one */

#define TX_OPTION_IP  BIT(0)
#define TX_OPTION_TCP BIT(1)
