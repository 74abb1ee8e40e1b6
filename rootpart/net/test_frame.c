/* SPDX-License-Identifier: MIT */
/*
 * Making and reading test frames. No state.
 */
#include "rootpart/net/test_frame.h"

#include "base/assert.h"
#include "lib/string.h"

#define MAC          6u
#define TYPE_AT      12u
#define TAG          5u /* number, echo */
#define IPV4         20u
#define UDP          8u
#define TCP          20u
#define PROTOCOL_TCP 6u
#define PROTOCOL_UDP 17u
#define PORT         0x88b5u

static void put16(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static void put32(u8 *p, u32 v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static u8 pattern(u32 number, u32 i)
{
	return (u8)(7 * number + i);
}

static void put_contents(u8 *data, u32 at, const struct test_frame *t)
{
	put32(data + at, t->number);
	data[at + 4] = t->echo;
	for (u32 i = at + TAG; i < t->bytes; i++)
		data[i] = pattern(t->number, i);
}

/* Of 10.0.2.15 and 10.0.2.2, as below. */
static u16 fold(u32 sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

static void put_ipv4(u8 *p, u32 protocol, u32 total)
{
	static const u8 addresses[] = { 10, 0, 2, 15, 10, 0, 2, 2 };
	u32 sum = 0;

	memset(p, 0, IPV4);
	p[0] = 0x45;
	put16(p + 2, total);
	p[8] = 64;
	p[9] = (u8)protocol;
	memcpy(p + 12, addresses, sizeof(addresses));
	for (u32 i = 0; total != 0 && i < IPV4; i += 2)
		sum += (u32)p[i] << 8 | p[i + 1];
	put16(p + 10, total != 0 ? (u16)~fold(sum) : 0);
}

static u16 pseudo_sum(const u8 *ip, u32 protocol, u32 length)
{
	u32 sum = protocol + length;

	for (u32 i = 12; i < IPV4; i += 2)
		sum += (u32)ip[i] << 8 | ip[i + 1];
	return fold(sum);
}

static u32 put_udp(u8 *data, const struct test_frame *t, struct nic_offload *o)
{
	u8 *ip = data + NIC_HEADER, *udp = ip + IPV4;
	u32 length = t->bytes - NIC_HEADER - IPV4;

	put_ipv4(ip, PROTOCOL_UDP, t->bytes - NIC_HEADER);
	put16(udp, PORT);
	put16(udp + 2, PORT);
	put16(udp + 4, length);
	put16(udp + 6, pseudo_sum(ip, PROTOCOL_UDP, length));
	*o = (struct nic_offload){
		.checksum = true, .csum_start = NIC_HEADER + IPV4, .csum_offset = 6
	};
	return NIC_HEADER + IPV4 + UDP;
}

/* As NDIS has it: no length, neither in the header nor in the sum. */
static u32 put_tcp(u8 *data, const struct test_frame *t, struct nic_offload *o)
{
	u8 *ip = data + NIC_HEADER, *tcp = ip + IPV4;

	put_ipv4(ip, PROTOCOL_TCP, 0);
	memset(tcp, 0, TCP);
	put16(tcp, PORT);
	put16(tcp + 2, PORT);
	put32(tcp + 4, t->number << 16);
	tcp[12] = TCP / 4 << 4;
	tcp[13] = 0x18; /* PSH, ACK */
	put16(tcp + 14, 0xffff);
	put16(tcp + 16, pseudo_sum(ip, PROTOCOL_TCP, 0));
	*o = (struct nic_offload){
		.checksum = true,
		.csum_start = NIC_HEADER + IPV4,
		.csum_offset = 16,
		.segment_size = (u16)t->segment,
		.ip_start = NIC_HEADER,
		.header_size = NIC_HEADER + IPV4 + TCP,
	};
	return NIC_HEADER + IPV4 + TCP;
}

void test_frame_make(u8 *data, const struct test_frame *t, const u8 *source, const u8 *target,
	struct nic_offload *offload)
{
	u32 at = NIC_HEADER;

	assert(t->bytes >= TEST_FRAME_MIN);
	memcpy(data, target, MAC);
	memcpy(data + MAC, source, MAC);
	put16(data + TYPE_AT, t->kind == TEST_FRAME_PLAIN ? TEST_FRAME_TYPE : 0x0800);
	*offload = (struct nic_offload){ 0 };
	if (t->kind == TEST_FRAME_UDP)
		at = put_udp(data, t, offload);
	else if (t->kind == TEST_FRAME_TCP)
		at = put_tcp(data, t, offload);
	put_contents(data, at, t);
}

bool test_frame_read(const u8 *data, u32 bytes, struct test_frame *t, bool *good)
{
	if (bytes < NIC_HEADER + TAG || data[TYPE_AT] != TEST_FRAME_TYPE >> 8 ||
		data[TYPE_AT + 1] != (TEST_FRAME_TYPE & 0xff))
		return false;
	*t = (struct test_frame){ .bytes = bytes, .echo = data[NIC_HEADER + 4] == 1 };
	for (u32 i = 0; i < 4; i++)
		t->number = t->number << 8 | data[NIC_HEADER + i];
	*good = data[NIC_HEADER + 4] <= 1;
	for (u32 i = NIC_HEADER + TAG; i < bytes; i++)
		*good = *good && data[i] == pattern(t->number, i);
	return true;
}
