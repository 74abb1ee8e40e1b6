/* SPDX-License-Identifier: MIT */
/*
 * Reset and start of the device, and its link. A reset is not trusted to bring the
 * registers to what the manual says: those that matter are all written.
 */
#include "base/errno.h"
#include "rootpart/drivers/e1000/e1000.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define GONE      (~0u)
#define STEP_NS   NS_PER_MS
#define SETTLE_NS (5 * NS_PER_MS) /* until the EEPROM has been read */
#define LIMIT_NS  (100 * NS_PER_MS)

/* Of copper, full duplex. */
#define TIPG_DEFAULT (8u | 8u << 10 | 6u << 20)
#define TCTL_DEFAULT (TCTL_PSP | 15u << TCTL_CT_SHIFT | 64u << TCTL_COLD_SHIFT)

static bool is_pcie(const struct e1000 *e)
{
	return e->model->quirks & E1000_PCIE;
}

/* Until @mask of @reg reads as @value. */
static int wait_for(const struct e1000 *e, u32 reg, u32 mask, u32 value)
{
	u64 deadline = time_ns() + LIMIT_NS;

	while ((e1000_read(e, reg) & mask) != value) {
		if (time_ns() >= deadline)
			return -EIO;
		task_sleep_ns(STEP_NS);
	}
	return 0;
}

static void mask_interrupts(const struct e1000 *e)
{
	e1000_write(e, E1000_IMC, ~0u);
	(void)e1000_read(e, E1000_ICR);
}

/* What is under way ends before the reset. */
static void stop_dma(const struct e1000 *e)
{
	e1000_write(e, E1000_RCTL, 0);
	e1000_write(e, E1000_TCTL, TCTL_PSP);
	if (!is_pcie(e))
		return;
	e1000_write(e, E1000_CTRL, e1000_read(e, E1000_CTRL) | (u32)CTRL_GIO_MASTER_DISABLE);
	/* One that does not stop is stopped by the reset. */
	(void)wait_for(e, E1000_STATUS, STATUS_GIO_MASTER, 0);
}

int e1000_reset(struct e1000 *e)
{
	int error;

	if (e1000_read(e, E1000_STATUS) == GONE)
		return -ENODEV;
	mask_interrupts(e);
	stop_dma(e);
	e1000_write(e, E1000_CTRL, e1000_read(e, E1000_CTRL) | (u32)CTRL_RST);
	task_sleep_ns(SETTLE_NS);
	error = wait_for(e, E1000_CTRL, CTRL_RST, 0);
	if (error == 0 && is_pcie(e))
		error = wait_for(e, E1000_EECD, EECD_AUTO_RD, EECD_AUTO_RD);
	mask_interrupts(e);
	return error;
}

static void write_address(const struct e1000 *e, u32 low, u32 high, u64 address)
{
	e1000_write(e, low, (u32)address);
	e1000_write(e, high, (u32)(address >> 32));
}

static void set_addresses(const struct e1000 *e)
{
	const u8 *mac = e->nic.mac;

	e1000_write(e, E1000_RAL(0),
		(u32)mac[0] | (u32)mac[1] << 8 | (u32)mac[2] << 16 | (u32)mac[3] << 24);
	e1000_write(e, E1000_RAH(0), (u32)mac[4] | (u32)mac[5] << 8 | (u32)RAH_AV);
	for (u32 i = 1; i < E1000_ADDRESSES; i++)
		e1000_write(e, E1000_RAH(i), 0);
	for (u32 i = 0; i < E1000_MTA_WORDS; i++)
		e1000_write(e, E1000_MTA + 4 * i, 0);
}

static void set_link(const struct e1000 *e)
{
	u32 ctrl = e1000_read(e, E1000_CTRL);

	ctrl &= ~(u32)(CTRL_GIO_MASTER_DISABLE | CTRL_LRST | CTRL_ILOS | CTRL_FRCSPD | CTRL_FRCDPX |
		       CTRL_RFCE | CTRL_TFCE | CTRL_VME | CTRL_PHY_RST | CTRL_RST);
	e1000_write(e, E1000_FCAL, 0);
	e1000_write(e, E1000_FCAH, 0);
	e1000_write(e, E1000_FCT, 0);
	e1000_write(e, E1000_FCTTV, 0);
	e1000_write(e, E1000_CTRL, ctrl | (u32)(CTRL_SLU | CTRL_ASDE));
}

void e1000_set_receive(const struct e1000 *e)
{
	u32 rctl = RCTL_EN | RCTL_BAM | RCTL_SECRC; /* BSIZE 0: 2048 bytes */

	rctl |= e->promiscuous ? RCTL_UPE | RCTL_MPE : 0;
	rctl |= e->all_multicast ? RCTL_MPE : 0;
	rctl |= e->large ? RCTL_LPE : 0;
	/* Some stop receiving for a while whenever it is written. */
	if (e1000_read(e, E1000_RCTL) != rctl)
		e1000_write(e, E1000_RCTL, rctl);
}

static void start_rx(const struct e1000 *e)
{
	write_address(e, E1000_RDBAL, E1000_RDBAH, gpa_of(e->rx.ring).a);
	e1000_write(e, E1000_RDLEN, E1000_RING * sizeof(struct e1000_rx_desc));
	e1000_write(e, E1000_RDH, 0);
	e1000_write(e, E1000_RDT, 0);
	e1000_write(e, E1000_RDTR, 0);
	e1000_write(e, E1000_RADV, 0);
	e1000_write(e, E1000_RXCSUM, RXCSUM_IPOFL | RXCSUM_TUOFL);
	if (is_pcie(e)) {
		e1000_write(e, E1000_RFCTL, 0);
		e1000_write(e, E1000_MRQC, 0);
	}
	e1000_set_receive(e);
	e1000_write(e, E1000_RDT, E1000_RING - 1);
}

static void start_tx(const struct e1000 *e)
{
	write_address(e, E1000_TDBAL, E1000_TDBAH, gpa_of(e->tx.ring).a);
	e1000_write(e, E1000_TDLEN, E1000_RING * sizeof(struct e1000_tx_desc));
	e1000_write(e, E1000_TDH, 0);
	e1000_write(e, E1000_TDT, 0);
	e1000_write(e, E1000_TIDV, 0);
	e1000_write(e, E1000_TADV, 0);
	e1000_write(e, E1000_TXDCTL, e->model->quirks & E1000_82574 ? TXDCTL_82574 : 0);
	e1000_write(e, E1000_TIPG, TIPG_DEFAULT);
	e1000_write(e, E1000_TCTL, TCTL_EN | TCTL_DEFAULT);
}

static void start_interrupts(const struct e1000 *e)
{
	e1000_write(e, E1000_ITR, E1000_ITR_DEFAULT);
	if (e->model->quirks & E1000_82574) {
		e1000_write(e, E1000_EITR0, E1000_ITR_DEFAULT);
		e1000_write(e, E1000_EIAC, 0);
		e1000_write(e, E1000_IAM, 0);
		e1000_write(
			e, E1000_CTRL_EXT, e1000_read(e, E1000_CTRL_EXT) | (u32)CTRL_EXT_PBA_CLR);
		e1000_write(e, E1000_IVAR,
			(u32)(IVAR_RXQ0_VALID | IVAR_TXQ0_VALID | IVAR_OTHER_VALID | IVAR_ON_TXDW));
	}
	e1000_write(e, E1000_IMS, e->irqs);
}

void e1000_start(struct e1000 *e)
{
	set_addresses(e);
	set_link(e);
	start_tx(e);
	start_rx(e);
	start_interrupts(e);
}

void e1000_ask_link(const struct e1000 *e)
{
	e1000_write(e, E1000_ICS, INT_LSC);
}

bool e1000_link_up(const struct e1000 *e, u32 *mbit)
{
	static const u32 speeds[] = { 10, 100, 1000, 1000 };
	u32 status = e1000_read(e, E1000_STATUS);

	*mbit = speeds[status >> STATUS_SPEED_SHIFT & 3];
	return status != GONE && (status & STATUS_LU);
}
