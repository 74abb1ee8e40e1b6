/* SPDX-License-Identifier: MIT */
/*
 * Copies of frames that a device cannot send as they are: their list is too long,
 * or it cannot compute their checksum. The copy is a frame of its own, in one block
 * of pages, and ends the original when it ends.
 */
#include "lib/string.h"
#include "rootpart/net/nic_impl.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"

struct bounce {
	struct nic_frame frame; /* what the driver gets */
	struct nic_segment segment;
	struct nic_frame *original;
	u32 order;
	__aligned(64) u8 data[];
};

static bool can_checksum(const struct nic *n, const struct nic_offload *o)
{
	return n->can_checksum &&
	       (n->max_csum == 0 || (u32)o->csum_start + o->csum_offset <= n->max_csum);
}

bool nic_needs_bounce(const struct nic *n, const struct nic_frame *f)
{
	return f->segment_count > n->max_segments ||
	       (f->offload.checksum && !can_checksum(n, &f->offload));
}

/* RFC 1071. */
static u16 fold(const u8 *p, u32 len)
{
	u64 sum = 0;

	for (u32 i = 0; i + 1 < len; i += 2)
		sum += (u32)p[i] << 8 | p[i + 1];
	if (len % 2 != 0)
		sum += (u32)p[len - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

static void checksum(u8 *data, u32 bytes, const struct nic_offload *o)
{
	u16 sum = (u16)~fold(data + o->csum_start, bytes - o->csum_start);
	u8 *at = data + o->csum_start + o->csum_offset;

	/* UDP's 0 means that there is none; to TCP both are the same. */
	if (sum == 0)
		sum = 0xffff;
	at[0] = (u8)(sum >> 8);
	at[1] = (u8)sum;
}

static void bounce_done(struct nic_frame *f)
{
	struct bounce *b = container_of(f, struct bounce, frame);
	struct nic_frame *original = b->original;

	original->error = f->error;
	(void)page_free(b, b->order);
	original->done(original);
}

static void copy(u8 *to, const struct nic_frame *f)
{
	for (u32 i = 0; i < f->segment_count; i++) {
		memcpy(to, gpa_ptr(f->segments[i].gpa), f->segments[i].len);
		to += f->segments[i].len;
	}
}

struct nic_frame *nic_bounce(struct nic *n, struct nic_frame *f)
{
	u32 order = page_order(sizeof(struct bounce) + f->bytes);
	struct bounce *b = page_alloc(order);

	if (b == NULL)
		return NULL;
	*b = (struct bounce){ .frame = *f, .original = f, .order = order };
	b->segment = (struct nic_segment){ .gpa = gpa_of(b->data), .len = f->bytes };
	b->frame.segments = &b->segment;
	b->frame.segment_count = 1;
	b->frame.done = bounce_done;
	copy(b->data, f);
	if (f->offload.checksum && !can_checksum(n, &f->offload)) {
		checksum(b->data, f->bytes, &f->offload);
		b->frame.offload.checksum = false;
	}
	(void)atomic_fetch_add(&n->stats.bounced, 1u);
	return &b->frame;
}
