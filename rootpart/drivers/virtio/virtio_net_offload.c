/* SPDX-License-Identifier: MIT */
/*
 * Checksums and cutting of TCP: what nic.h says of a frame in the device's words.
 * nic.h wants, as NDIS does, that the sums of a frame to be cut leave its length out;
 * a virtio device wants them as of one large frame. So its headers are copied and
 * mended, while its payload stays where it is. VIRTIO 1.2, 5.1.6.2; RFC 1071.
 */
#include "lib/string.h"
#include "rootpart/drivers/virtio/virtio_net.h"
#include "rootpart/page_alloc.h"

#define IPV4_LENGTH   2u
#define IPV4_CHECKSUM 10u
#define IPV4_MIN      20u
#define IPV6_LENGTH   4u
#define IPV6_SIZE     40u

static u16 get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static void put16(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static u16 fold(u64 sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

/* Adds bytes that stand @at bytes behind the start of what is summed. */
static u64 sum_add(u64 sum, const u8 *p, u32 len, u32 at)
{
	for (u32 i = 0; i < len; i++)
		sum += (at + i) % 2 != 0 ? p[i] : (u32)p[i] << 8;
	return sum;
}

static void copy_head(u8 *to, const struct nic_frame *f, u32 len)
{
	for (u32 i = 0; len > 0; i++) {
		u32 n = MIN(len, f->segments[i].len);

		memcpy(to, gpa_ptr(f->segments[i].gpa), n);
		to += n;
		len -= n;
	}
}

/* One that says to be longer than there is room for goes as it is: the network's affair. */
static void mend_ipv4(u8 *ip, u32 room, u32 bytes)
{
	u32 size = (ip[0] & 0xfu) * 4;

	put16(ip + IPV4_LENGTH, bytes);
	put16(ip + IPV4_CHECKSUM, 0);
	if (size >= IPV4_MIN && size <= room)
		put16(ip + IPV4_CHECKSUM, (u16)~fold(sum_add(0, ip, size, 0)));
}

static void mend(u8 *data, const struct nic_frame *f)
{
	const struct nic_offload *o = &f->offload;
	u8 *ip = data + o->ip_start;
	u8 *sum = data + o->csum_start + o->csum_offset;
	u32 room = (u32)o->csum_start - o->ip_start;
	u32 tcp = f->bytes - o->csum_start;

	if (o->ipv6 && room >= IPV6_SIZE)
		put16(ip + IPV6_LENGTH, f->bytes - o->ip_start - IPV6_SIZE);
	else if (!o->ipv6 && room >= IPV4_MIN)
		mend_ipv4(ip, room, f->bytes - o->ip_start);
	put16(sum, fold((u64)get16(sum) + tcp));
}

static void cut(struct virtio_net_head *head, const struct nic_frame *f)
{
	const struct nic_offload *o = &f->offload;

	head->header.gso_type = o->ipv6 ? VIRTIO_NET_GSO_TCPV6 : VIRTIO_NET_GSO_TCPV4;
	head->header.gso_size = o->segment_size;
	head->header.header_size = o->header_size;
	copy_head(head->data, f, o->header_size);
	mend(head->data, f);
}

/* Returns how many bytes of the frame are in @head. */
u32 virtio_net_head_make(struct virtio_net_head *head, const struct nic_frame *f)
{
	const struct nic_offload *o = &f->offload;

	head->header = (struct virtio_net_header){ 0 };
	if (o->checksum) {
		head->header.flags = VIRTIO_NET_NEEDS_CSUM;
		head->header.csum_start = o->csum_start;
		head->header.csum_offset = o->csum_offset;
	}
	/* The layer asks for nothing beyond max_csum; and the memory would not do. */
	if (o->segment_size == 0 || o->header_size > VIRTIO_NET_HEAD_MAX ||
		(u32)o->csum_start + o->csum_offset + 2 > o->header_size)
		return 0;
	cut(head, f);
	return o->header_size;
}

static u64 frame_sum(const struct nic_received *f, u32 start)
{
	u64 sum = 0;
	u32 at = 0;

	for (u32 i = 0; i < f->segment_count; i++) {
		const struct nic_segment *s = &f->segments[i];
		u32 skip = start > at ? MIN(start - at, s->len) : 0;
		const u8 *p = gpa_ptr(s->gpa);

		sum = sum_add(sum, p + skip, s->len - skip, at + skip - start);
		at += s->len;
	}
	return sum;
}

/* Byte @at of the frame. */
static u8 *frame_byte(const struct nic_received *f, u32 at)
{
	u32 i = 0;

	while (at >= f->segments[i].len)
		at -= f->segments[i++].len;
	return (u8 *)gpa_ptr(f->segments[i].gpa) + at;
}

bool virtio_net_checksum(const struct nic_received *f, u32 start, u32 offset)
{
	u16 sum;

	if (start < NIC_HEADER || start + offset + 2 > f->bytes)
		return false;
	sum = (u16)~fold(frame_sum(f, start));
	/* UDP's 0 means that there is none; to TCP both are the same. */
	sum = sum != 0 ? sum : 0xffff;
	*frame_byte(f, start + offset) = (u8)(sum >> 8);
	*frame_byte(f, start + offset + 1) = (u8)sum;
	return true;
}
