/* SPDX-License-Identifier: MIT */
/*
 * The transmit ring: frames go as they lie in memory, with a context descriptor before
 * those whose checksum the device computes or which it cuts. The sender, under the
 * send lock, moves the tail; the work moves the head. Only the status of a frame's last
 * descriptor is ever read back.
 */
#include "base/errno.h"
#include "rootpart/drivers/e1000/e1000.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"

#define MASK       (E1000_RING - 1)
#define RING_ORDER 0u
#define TAIL_BYTES 4u /* see E1000_TSO_TAIL */
/* In an IPv4 header. */
#define IPV4_SUM 10u

static_assert(E1000_RING * sizeof(struct e1000_tx_desc) <= PAGE_SIZE);

int e1000_tx_alloc(struct e1000_tx *tx)
{
	tx->ring = page_alloc_zeroed(RING_ORDER);
	return tx->ring != NULL ? 0 : -ENOMEM;
}

void e1000_tx_free(struct e1000_tx *tx)
{
	if (tx->ring != NULL)
		(void)page_free(tx->ring, RING_ORDER);
}

void e1000_tx_init(struct e1000_tx *tx)
{
	tx->head = tx->tail = tx->kicked = 0;
}

static bool is_cut(const struct nic_frame *f)
{
	return f->offload.segment_size != 0;
}

static u32 descriptors_of(const struct e1000 *e, const struct nic_frame *f)
{
	u32 n = f->offload.checksum ? 1 : 0;

	for (u32 i = 0; i < f->segment_count; i++)
		n += (f->segments[i].len + E1000_TX_CHUNK - 1) / E1000_TX_CHUNK;
	return n + (is_cut(f) && (e->model->quirks & E1000_TSO_TAIL));
}

static void put_context(struct e1000_tx *tx, u32 at, const struct nic_frame *f)
{
	const struct nic_offload *o = &f->offload;
	struct e1000_tx_context c = {
		.tcp_start = (u8)o->csum_start,
		.tcp_sum = (u8)(o->csum_start + o->csum_offset),
		.command = TX_DEXT,
	};

	if (is_cut(f)) {
		c.ip_start = (u8)o->ip_start;
		c.ip_sum = (u8)(o->ip_start + IPV4_SUM);
		c.ip_end = o->ipv6 ? 0 : (u16)(o->csum_start - 1);
		c.header_size = (u8)o->header_size;
		c.segment_size = o->segment_size;
		c.command |=
			TX_TSE | TX_TCP | (o->ipv6 ? 0 : TX_IPV4) | (f->bytes - o->header_size);
	}
	*(struct e1000_tx_context *)(void *)&tx->ring[at & MASK] = c;
}

static u8 options_of(const struct nic_frame *f)
{
	if (!f->offload.checksum)
		return 0;
	return (u8)(TX_OPTION_TCP | (is_cut(f) && !f->offload.ipv6 ? TX_OPTION_IP : 0));
}

struct writer {
	struct e1000_tx *tx;
	u32 at;
	u32 command;
	u8 options;
};

static void put_data(struct writer *w, u64 address, u32 len)
{
	w->tx->ring[w->at++ & MASK] = (struct e1000_tx_desc){
		.address = address,
		.command = w->command | len,
		.options = w->options,
	};
}

/* @tail: bytes at its end that get a descriptor of their own. */
static void put_segment(struct writer *w, const struct nic_segment *s, u32 tail)
{
	u64 address = s->gpa.a;
	u32 left = s->len;

	while (left > 0) {
		u32 len = MIN(left, E1000_TX_CHUNK);

		if (left > tail && left - len < tail)
			len = left - tail;
		put_data(w, address, len);
		address += len;
		left -= len;
	}
}

static u32 tail_of(const struct e1000 *e, const struct nic_frame *f)
{
	u32 last = f->segments[f->segment_count - 1].len;

	return is_cut(f) && (e->model->quirks & E1000_TSO_TAIL) && last > TAIL_BYTES ? TAIL_BYTES
										     : 0;
}

/* Returns the index behind its last descriptor. */
static u32 put_frame(struct e1000 *e, u32 at, const struct nic_frame *f)
{
	struct writer w = {
		.tx = &e->tx,
		.at = at,
		.command = (u32)(TX_DATA | TX_IFCS | (is_cut(f) ? TX_TSE : 0)),
		.options = options_of(f),
	};
	u32 last = f->segment_count - 1;

	if (f->offload.checksum)
		put_context(&e->tx, w.at++, f);
	for (u32 i = 0; i <= last; i++)
		put_segment(&w, &f->segments[i], i == last ? tail_of(e, f) : 0);
	e->tx.ring[(w.at - 1) & MASK].command |= (u32)(TX_EOP | TX_RS);
	return w.at;
}

bool e1000_tx_send(struct nic *n, struct nic_frame *f)
{
	struct e1000 *e = n->driver_data;
	struct e1000_tx *tx = &e->tx;
	/* Pairs with the release in end_first(). */
	u32 used = tx->tail - load_acquire(&tx->head);
	u32 end;

	/* A ring that is full to the last descriptor is empty to the device. */
	if (descriptors_of(e, f) > E1000_RING - 1 - used)
		return false;
	end = put_frame(e, tx->tail, f);
	tx->frames[tx->tail & MASK] = f;
	tx->last[tx->tail & MASK] = (u8)((end - 1) & MASK);
	/* Pairs with the acquires in e1000_tx_reap() and e1000_tx_drop(). */
	store_release(&tx->tail, end);
	return true;
}

void e1000_tx_kick(struct nic *n)
{
	struct e1000 *e = n->driver_data;
	struct e1000_tx *tx = &e->tx;

	if (tx->kicked == tx->tail)
		return;
	tx->kicked = tx->tail;
	e1000_write(e, E1000_TDT, tx->tail & MASK);
}

/* Ends the frame at the head with @error; its descriptors are free before it is told of. */
static void end_first(struct e1000 *e, int error)
{
	struct e1000_tx *tx = &e->tx;
	u32 first = tx->head & MASK;
	struct nic_frame *f = tx->frames[first];

	/* Pairs with the acquire in e1000_tx_send(). */
	store_release(&tx->head, tx->head + ((tx->last[first] - first) & MASK) + 1);
	nic_sent(&e->nic, f, error);
}

/* What is sent by those that are told waits for the next turn, so this ends. */
void e1000_tx_reap(struct e1000 *e)
{
	struct e1000_tx *tx = &e->tx;
	/* Pairs with the release in e1000_tx_send(). */
	u32 tail = load_acquire(&tx->tail);

	while (tx->head != tail) {
		const struct e1000_tx_desc *last = &tx->ring[tx->last[tx->head & MASK]];
		u8 status = load_acquire(&last->status);

		if (!(status & TX_DD))
			return;
		end_first(e, status & (TX_EC | TX_LC) ? -EIO : 0);
	}
}

void e1000_tx_drop(struct e1000 *e)
{
	struct e1000_tx *tx = &e->tx;
	/* Pairs with the release in e1000_tx_send(). */
	u32 tail = load_acquire(&tx->tail);

	while (tx->head != tail)
		end_first(e, -ENETDOWN);
}
