/* SPDX-License-Identifier: MIT */
/*
 * From bytes to text, layer by layer. A struct bytes is what is left of the frame;
 * whoever takes more than there is gets zeros, and `short_of` is set for good.
 * IEEE 802.3; RFC 826, 791, 8200, 792, 4443, 768, 9293.
 */
#include "rootpart/net/frame_text.h"

#include <stdarg.h>

#include "lib/format.h"

#define TYPE_IPV4       0x0800u
#define TYPE_ARP        0x0806u
#define TYPE_VLAN       0x8100u
#define TYPE_IPV6       0x86ddu
#define TYPE_MIN        0x0600u /* below, it is a length */

#define PROTOCOL_ICMP   1u
#define PROTOCOL_TCP    6u
#define PROTOCOL_UDP    17u
#define PROTOCOL_ICMPV6 58u

#define TAGS_MAX        2u
#define IPV4_MIN        20u
#define TCP_MIN         20u
#define UDP_SIZE        8u
#define ADDRESS_TEXT    48u

struct bytes {
	const u8 *p;
	u32 left;
	bool short_of;
	char *text;
	u32 used; /* of FRAME_TEXT */
};

static void say(struct bytes *b, const char *fmt, ...) __printf(2, 3);

static void say(struct bytes *b, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = format_va(b->text + b->used, FRAME_TEXT - b->used, fmt, args);
	va_end(args);
	b->used = MIN(b->used + (u32)n, FRAME_TEXT - 1);
}

/* The next @n bytes; NULL: there are not so many. */
static const u8 *take(struct bytes *b, u32 n)
{
	const u8 *p = b->p;

	if (b->left < n) {
		b->short_of = true;
		b->left = 0;
		return NULL;
	}
	b->p += n;
	b->left -= n;
	return p;
}

static u32 take_number(struct bytes *b, u32 size)
{
	const u8 *p = take(b, size);
	u32 v = 0;

	for (u32 i = 0; p != NULL && i < size; i++)
		v = v << 8 | p[i];
	return v;
}

const char *frame_mac_text(const u8 *mac, char *text)
{
	(void)format(text, FRAME_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	return text;
}

static const char *ipv4_text(const u8 *a, char *text)
{
	(void)format(text, ADDRESS_TEXT, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	return text;
}

/* The first of the longest runs of zeros, of two groups at least: RFC 5952, 4.2. */
static u32 longest_zeros(const u8 *a, u32 *length)
{
	u32 best = 0, run = 0;

	*length = 1;
	for (u32 i = 0; i < 8; i++) {
		run = a[2 * i] == 0 && a[2 * i + 1] == 0 ? run + 1 : 0;
		if (run > *length) {
			*length = run;
			best = i + 1 - run;
		}
	}
	return best;
}

static const char *ipv6_text(const u8 *a, char *text)
{
	u32 zeros, at = 0, length;

	zeros = longest_zeros(a, &length);
	for (u32 i = 0; i < 8; i++) {
		if (length > 1 && i == zeros) {
			at += (u32)format(text + at, ADDRESS_TEXT - at, "::");
			i += length - 1;
			continue;
		}
		at += (u32)format(text + at, ADDRESS_TEXT - at, "%s%x",
			i > 0 && text[at - 1] != ':' ? ":" : "", a[2 * i] << 8 | a[2 * i + 1]);
	}
	return text;
}

static void arp(struct bytes *b)
{
	u32 kind = take_number(b, 4), sizes = take_number(b, 2), operation = take_number(b, 2);
	const u8 *p = take(b, 20);
	char sender[ADDRESS_TEXT], target[ADDRESS_TEXT], mac[FRAME_MAC_TEXT];

	say(b, "ARP");
	if (p == NULL)
		return;
	if (kind != (1u << 16 | TYPE_IPV4) || sizes != 0x0604)
		say(b, " of an unknown kind");
	else if (operation == 1)
		say(b, " who has %s? tell %s", ipv4_text(p + 16, target), ipv4_text(p + 6, sender));
	else if (operation == 2)
		say(b, " %s is at %s", ipv4_text(p + 6, sender), frame_mac_text(p, mac));
	else
		say(b, " operation %u", operation);
}

static void tcp_flags(struct bytes *b, u32 flags)
{
	static const char letters[] = "FSRPAUEC";

	say(b, " TCP ");
	for (u32 i = 0; i < 8; i++) {
		if (flags & BIT(i))
			say(b, "%c", letters[i]);
	}
	if (flags == 0)
		say(b, "-");
}

/* @size: of the segment, as IP says. */
static void tcp(struct bytes *b, u32 size)
{
	u32 sequence = take_number(b, 4), acknowledged = take_number(b, 4);
	u32 header = take_number(b, 1) >> 4, flags = take_number(b, 1), window = take_number(b, 2);

	if (b->short_of)
		return;
	tcp_flags(b, flags);
	say(b, " seq %u ack %u window %u %u bytes", sequence, acknowledged, window,
		size > header * 4 ? size - header * 4 : 0);
}

static void echo(struct bytes *b, const char *name)
{
	u32 id, sequence;

	(void)take(b, 2);
	id = take_number(b, 2);
	sequence = take_number(b, 2);
	if (!b->short_of)
		say(b, " %s id %u seq %u", name, id, sequence);
}

static void icmp(struct bytes *b, bool v6)
{
	u32 type = take_number(b, 1), code = take_number(b, 1);

	say(b, v6 ? " ICMPv6" : " ICMP");
	if (b->short_of)
		return;
	if (type == (v6 ? 128 : 8))
		echo(b, "echo request");
	else if (type == (v6 ? 129 : 0))
		echo(b, "echo reply");
	else
		say(b, " type %u code %u", type, code);
}

/* With addresses and ports, which stand in front of all else. */
static void transport(
	struct bytes *b, u32 protocol, u32 size, const char *source, const char *target)
{
	u32 from, to;

	if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) {
		say(b, "%s > %s", source, target);
		if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6)
			icmp(b, protocol == PROTOCOL_ICMPV6);
		else
			say(b, " protocol %u", protocol);
		return;
	}
	from = take_number(b, 2);
	to = take_number(b, 2);
	if (b->short_of) {
		say(b, "%s > %s", source, target);
		return;
	}
	say(b, "%s.%u > %s.%u", source, from, target, to);
	if (protocol == PROTOCOL_TCP)
		tcp(b, size);
	else
		say(b, " UDP %u bytes", size > UDP_SIZE ? size - UDP_SIZE : 0);
}

static void ipv4(struct bytes *b)
{
	const u8 *p = take(b, IPV4_MIN);
	char source[ADDRESS_TEXT], target[ADDRESS_TEXT];
	u32 header, total, fragment;

	say(b, "IPv4 ");
	if (p == NULL)
		return;
	header = (p[0] & 15u) * 4;
	total = (u32)p[2] << 8 | p[3];
	fragment = ((u32)p[6] << 8 | p[7]) & 0x1fff;
	(void)ipv4_text(p + 12, source);
	(void)ipv4_text(p + 16, target);
	if (header > IPV4_MIN)
		(void)take(b, header - IPV4_MIN);
	if (fragment != 0)
		say(b, "%s > %s protocol %u, fragment at %u", source, target, p[9], fragment * 8);
	else
		transport(b, p[9], total > header ? total - header : 0, source, target);
}

static void ipv6(struct bytes *b)
{
	const u8 *p = take(b, 40);
	char source[ADDRESS_TEXT], target[ADDRESS_TEXT];

	say(b, "IPv6 ");
	if (p == NULL)
		return;
	transport(b, p[6], (u32)p[4] << 8 | p[5], ipv6_text(p + 8, source),
		ipv6_text(p + 24, target));
}

static void by_type(struct bytes *b, u32 type)
{
	if (type == TYPE_IPV4)
		ipv4(b);
	else if (type == TYPE_IPV6)
		ipv6(b);
	else if (type == TYPE_ARP)
		arp(b);
	else if (type < TYPE_MIN)
		say(b, "802.3, %u bytes", type);
	else
		say(b, "type 0x%04x", type);
}

const char *frame_text(const u8 *data, u32 have, char *text)
{
	struct bytes b = { .p = data, .left = have, .text = text };
	u32 type;

	text[0] = '\0';
	(void)take(&b, 12);
	type = take_number(&b, 2);
	for (u32 i = 0; i < TAGS_MAX && type == TYPE_VLAN; i++) {
		u32 tag = take_number(&b, 2);

		if (!b.short_of)
			say(&b, "VLAN %u ", tag & 0xfff);
		type = take_number(&b, 2);
	}
	if (!b.short_of)
		by_type(&b, type);
	if (b.short_of)
		say(&b, "...");
	return text;
}
