/* SPDX-License-Identifier: MIT */
/*
 * The receive ring: each descriptor has a buffer of its own for ever, and a frame
 * takes as many as it needs. Nothing that the device writes into a descriptor is
 * used before it was checked, and its address is written anew each time.
 */
#include "base/errno.h"
#include "rootpart/drivers/e1000/e1000.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"

#define MASK         (E1000_RING - 1)
#define RING_ORDER   0u
#define BUFFER_ORDER 7u

static_assert(E1000_RING * sizeof(struct e1000_rx_desc) <= PAGE_SIZE);
static_assert(E1000_RING * E1000_BUFFER <= PAGE_SIZE << BUFFER_ORDER);

int e1000_rx_alloc(struct e1000_rx *rx)
{
	rx->ring = page_alloc_zeroed(RING_ORDER);
	rx->buffers = page_alloc_zeroed(BUFFER_ORDER);
	return rx->ring != NULL && rx->buffers != NULL ? 0 : -ENOMEM;
}

void e1000_rx_free(struct e1000_rx *rx)
{
	if (rx->ring != NULL)
		(void)page_free(rx->ring, RING_ORDER);
	if (rx->buffers != NULL)
		(void)page_free(rx->buffers, BUFFER_ORDER);
}

static gpa_t buffer_of(const struct e1000_rx *rx, u32 index)
{
	return gpa_of(rx->buffers + index * E1000_BUFFER);
}

static void give(struct e1000_rx *rx, u32 index)
{
	rx->ring[index] = (struct e1000_rx_desc){ .address = buffer_of(rx, index).a };
}

void e1000_rx_init(struct e1000_rx *rx)
{
	for (u32 i = 0; i < E1000_RING; i++)
		give(rx, i);
	rx->next = rx->chain = rx->bytes = 0;
	rx->skip = false;
}

/* The descriptors of the frame that has ended are the device's again. */
static void end_chain(struct e1000_rx *rx)
{
	while (rx->chain > 0)
		give(rx, (rx->next - rx->chain--) & MASK);
	rx->bytes = 0;
}

static bool checksum_is_good(u8 status, u8 errors)
{
	return !(status & RX_IXSM) && (status & RX_TCPCS) &&
	       !(errors & (RX_ERROR_TCPE | RX_ERROR_IPE));
}

static void hand_over(struct e1000 *e, bool checksum_good)
{
	struct e1000_rx *rx = &e->rx;
	struct nic_segment segments[E1000_CHAIN_MAX];
	const struct nic_received f = {
		.segments = segments,
		/* Its checksum, which is left out, may have had the last one for itself. */
		.segment_count = rx->chain - (rx->lengths[rx->chain - 1] == 0),
		.bytes = rx->bytes,
		.checksum_good = checksum_good,
	};

	for (u32 i = 0; i < rx->chain; i++) {
		segments[i].gpa = buffer_of(rx, (rx->next - rx->chain + i) & MASK);
		segments[i].len = rx->lengths[i];
	}
	nic_receive(&e->nic, &f);
}

/* The end of a frame has come. */
static void end_frame(struct e1000 *e, u8 status, u8 errors)
{
	struct e1000_rx *rx = &e->rx;

	if (rx->skip || (errors & RX_ERROR_DAMAGED) || rx->bytes < NIC_HEADER ||
		rx->bytes > load_relaxed(&e->nic.mtu) + NIC_HEADER + NIC_TAG)
		e->nic.stats.receive_errors++;
	else
		hand_over(e, checksum_is_good(status, errors));
	rx->skip = false;
	end_chain(rx);
}

/* One descriptor that the device has filled. */
static void take(struct e1000 *e, const struct e1000_rx_desc *desc, u8 status)
{
	struct e1000_rx *rx = &e->rx;
	u16 length = READ_ONCE(desc->length);
	bool end = status & RX_EOP;

	if (length > E1000_BUFFER || (length == 0 && !end)) {
		e1000_fail(e, "a received frame's length is impossible");
		return;
	}
	if (rx->chain == E1000_CHAIN_MAX) {
		rx->skip = true;
		end_chain(rx);
	}
	rx->lengths[rx->chain++] = length;
	rx->bytes += length;
	rx->next = (rx->next + 1) & MASK;
	if (end)
		end_frame(e, status, READ_ONCE(desc->errors));
}

bool e1000_rx_turn(struct e1000 *e)
{
	struct e1000_rx *rx = &e->rx;
	u32 i;

	for (i = 0; i < E1000_TURN && !e->down; i++) {
		const struct e1000_rx_desc *desc = &rx->ring[rx->next];
		/* The device writes the status last. */
		u8 status = load_acquire(&desc->status);

		if (!(status & RX_DD))
			break;
		take(e, desc, status);
	}
	/* All but those of a frame that is not whole, and one: full is not empty. */
	if (i > 0 && !e->down)
		e1000_write(e, E1000_RDT, (rx->next - rx->chain - 1) & MASK);
	return i == E1000_TURN;
}
