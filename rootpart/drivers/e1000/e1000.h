/* SPDX-License-Identifier: MIT */
/*
 * One 8254x or 82574 controller. e1000_probe.c brings it up, e1000_hw.c resets it and
 * knows its registers, e1000_mac.c its address and PHY, e1000_rx.c and e1000_tx.c its rings,
 * e1000_interrupt.c what it has to say, e1000_nic.c is its side of nic.h.
 */
#pragma once

#include "rootpart/drivers/e1000/e1000_regs.h"
#include "rootpart/net/nic.h"
#include "rootpart/pci/pci.h"
#include "rootpart/work.h"
#include "x86/mmio.h"

#define E1000_RING      256u /* descriptors: a page */
#define E1000_BUFFER    2048u
#define E1000_CHAIN_MAX 5u    /* buffers of a frame */
#define E1000_TURN      64u   /* descriptors that one turn of the work looks at */
#define E1000_TX_CHUNK  4096u /* bytes of a descriptor */
#define E1000_CSUM_MAX  255u
/* 20,000 interrupts per second, in units of 256 ns. */
#define E1000_ITR_DEFAULT 195u

static_assert(E1000_CHAIN_MAX * E1000_BUFFER >= NIC_MTU_MAX + NIC_HEADER + NIC_TAG);
/* A frame of any kind, with its context and what cutting it needs, has room. */
static_assert(NIC_SEGMENTS_MAX + NIC_TSO_MAX / E1000_TX_CHUNK + 3 < E1000_RING);

/* What differs between models. */
#define E1000_PCIE     BIT(0) /* 82571 and later */
#define E1000_82574    BIT(1) /* vectors by IVAR */
#define E1000_TSO_TAIL BIT(2) /* reports a frame that it cuts before it has read all of it */

struct e1000_model {
	u16 device;
	u16 quirks;
	const char *name;
};

/* NIC's VP; work, and tasks while the device is down. */
struct e1000_rx {
	struct e1000_rx_desc *ring;
	u8 *buffers;
	u32 next;  /* descriptor to look at */
	u32 chain; /* descriptors before it that belong to a frame whose end has not come */
	u32 bytes; /* in them */
	bool skip; /* it is too long: nothing of it is kept */
	u16 lengths[E1000_CHAIN_MAX];
};

/* Indices run freely. */
struct e1000_tx {
	struct e1000_tx_desc *ring;
	u32 tail;   /* send lock to write; atomic */
	u32 kicked; /* send lock */
	u32 head;   /* NIC's VP to write; atomic */
	/* By a frame's first descriptor: itself, and its last one. */
	struct nic_frame *frames[E1000_RING];
	u8 last[E1000_RING];
};

struct e1000 {
	struct nic nic;
	struct pci_device *pci;
	const struct e1000_model *model;
	volatile u8 *regs;
	bool shared; /* its interrupt */
	u32 irqs;    /* causes that it may interrupt for */
	u32 causes;  /* that have come; atomic */
	struct work work;
	bool down; /* it is being reset, or waits for it; NIC's VP */
	/* The NIC's control mutex. */
	bool promiscuous;
	bool all_multicast;
	bool large;
	struct e1000_rx rx;
	struct e1000_tx tx;
};

static inline u32 e1000_read(const struct e1000 *e, u32 reg)
{
	return mmio_read32(e->regs + reg);
}

static inline void e1000_write(const struct e1000 *e, u32 reg, u32 v)
{
	/* What the device is told of is in memory before. */
	barrier();
	mmio_write32(e->regs + reg, v);
}

/* NULL: not one that the driver knows. */
const struct e1000_model *e1000_find_model(const struct pci_device *dev);

/*
 * Stops it; on return it touches no memory and does not interrupt. Waits some
 * milliseconds. -ENODEV: it does not answer; -EIO: its reset does not end.
 */
[[nodiscard]] int e1000_reset(struct e1000 *e);
/* After a reset, with empty rings: lets it send, receive and interrupt. */
void e1000_start(struct e1000 *e);
/* Tells it which frames it is to receive. */
void e1000_set_receive(const struct e1000 *e);
/* Has the link be looked at by an interrupt. */
void e1000_ask_link(const struct e1000 *e);
bool e1000_link_up(const struct e1000 *e, u32 *mbit);

/* After a reset. -EIO: it has no address that can be used. */
[[nodiscard]] int e1000_read_mac(const struct e1000 *e, u8 *mac);
/* Whoever had it before may have switched its PHY off. Bounded time. */
void e1000_wake_phy(const struct e1000 *e);

[[nodiscard]] int e1000_rx_alloc(struct e1000_rx *rx);
void e1000_rx_free(struct e1000_rx *rx);
/* All buffers are the device's. */
void e1000_rx_init(struct e1000_rx *rx);
/* Hands over what has come, as far as one turn goes. True: there may be more. */
[[nodiscard]] bool e1000_rx_turn(struct e1000 *e);

[[nodiscard]] int e1000_tx_alloc(struct e1000_tx *tx);
void e1000_tx_free(struct e1000_tx *tx);
/* Nothing is under way. */
void e1000_tx_init(struct e1000_tx *tx);
/* nic_ops.send and kick. */
bool e1000_tx_send(struct nic *n, struct nic_frame *f);
void e1000_tx_kick(struct nic *n);
/* Ends what has been sent. */
void e1000_tx_reap(struct e1000 *e);
/* Ends all that is under way; the device has been reset. */
void e1000_tx_drop(struct e1000 *e);

/* irq_handler; @ctx is the struct e1000. */
void e1000_interrupt(void *ctx);
void e1000_work(struct work *w);
/* The device talks nonsense: it is left alone until it is reset. */
void e1000_fail(struct e1000 *e, const char *why);

extern const struct nic_ops e1000_nic_ops;
