/* SPDX-License-Identifier: MIT */
/*
 * Frames as text: each protocol that is known, what is not known, and every length that
 * cuts a frame short. Test frames: what is made is read back.
 * sources: rootpart/net/frame_text.c rootpart/net/test_frame.c lib/format.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/net/frame_text.h"
#include "rootpart/net/test_frame.h"

#define MACS "\xff\xff\xff\xff\xff\xff\x52\x54\x00\x12\x34\x56"
#define IPV4(total, protocol, fragment)                                         \
	"\x08\x00\x45\x00" total "\x00\x01" fragment "\x40" protocol "\x00\x00" \
	"\x0a\x00\x02\x0f\x0a\x00\x02\x02"
#define IPV6(length, next)                                                 \
	"\x86\xdd\x60\x00\x00\x00" length next "\x40"                      \
	"\xfe\x80\x00\x00\x00\x00\x00\x00\x50\x54\x00\xff\xfe\x12\x34\x56" \
	"\xff\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x02"

#define ROW(bytes, text)                                 \
	{                                                \
		MACS bytes, sizeof(MACS bytes) - 1, text \
	}

static const struct {
	const char *bytes;
	u32 length;
	const char *text;
} rows[] = {
	ROW("\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x52\x54\x00\x12\x34\x56\x0a\x00\x02\x0f"
	    "\x00\x00\x00\x00\x00\x00\x0a\x00\x02\x02",
		"ARP who has 10.0.2.2? tell 10.0.2.15"),
	ROW("\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02\x52\x54\x00\x12\x34\x56\x0a\x00\x02\x0f"
	    "\x00\x00\x00\x00\x00\x00\x0a\x00\x02\x02",
		"ARP 10.0.2.15 is at 52:54:00:12:34:56"),
	ROW("\x08\x06\x00\x06\x08\x00\x06\x04\x00\x02\x52\x54\x00\x12\x34\x56\x0a\x00\x02\x0f"
	    "\x00\x00\x00\x00\x00\x00\x0a\x00\x02\x02",
		"ARP of an unknown kind"),
	ROW(IPV4("\x00\x26", "\x11", "\x00\x00") "\x04\x00\x00\x35\x00\x12\x00\x00",
		"IPv4 10.0.2.15.1024 > 10.0.2.2.53 UDP 10 bytes"),
	ROW(IPV4("\x00\x2c", "\x06", "\x40\x00") "\x04\x00\x00\x50\x00\x00\x00\x01\x00\x00\x00\x02"
						 "\x50\x12\xff\xff\x00\x00\x00\x00",
		"IPv4 10.0.2.15.1024 > 10.0.2.2.80 TCP SA seq 1 ack 2 window 65535 4 bytes"),
	ROW(IPV4("\x00\x28", "\x06", "\x40\x00") "\x04\x00\x00\x50\x00\x00\x00\x01\x00\x00\x00\x02"
						 "\x50\x00\xff\xff\x00\x00\x00\x00",
		"IPv4 10.0.2.15.1024 > 10.0.2.2.80 TCP - seq 1 ack 2 window 65535 0 bytes"),
	ROW(IPV4("\x00\x1c", "\x01", "\x00\x00") "\x08\x00\x00\x00\x00\x07\x00\x09",
		"IPv4 10.0.2.15 > 10.0.2.2 ICMP echo request id 7 seq 9"),
	ROW(IPV4("\x00\x1c", "\x01", "\x00\x00") "\x00\x00\x00\x00\x00\x07\x00\x09",
		"IPv4 10.0.2.15 > 10.0.2.2 ICMP echo reply id 7 seq 9"),
	ROW(IPV4("\x00\x1c", "\x01", "\x00\x00") "\x03\x01\x00\x00\x00\x07\x00\x09",
		"IPv4 10.0.2.15 > 10.0.2.2 ICMP type 3 code 1"),
	ROW(IPV4("\x00\x1c", "\x2f", "\x00\x00"), "IPv4 10.0.2.15 > 10.0.2.2 protocol 47"),
	ROW(IPV4("\x00\x1c", "\x11", "\x20\xb9"),
		"IPv4 10.0.2.15 > 10.0.2.2 protocol 17, fragment at 1480"),
	ROW(IPV6("\x00\x08", "\x3a") "\x80\x00\x00\x00\x00\x07\x00\x09",
		"IPv6 fe80::5054:ff:fe12:3456 > ff02::1:2 ICMPv6 echo request id 7 seq 9"),
	ROW(IPV6("\x00\x08", "\x3a") "\x87\x00\x00\x00",
		"IPv6 fe80::5054:ff:fe12:3456 > ff02::1:2 ICMPv6 type 135 code 0"),
	ROW(IPV6("\x00\x08", "\x11") "\x02\x22\x02\x23\x00\x08\x00\x00",
		"IPv6 fe80::5054:ff:fe12:3456.546 > ff02::1:2.547 UDP 0 bytes"),
	ROW("\x81\x00\x20\x64\x88\xb5", "VLAN 100 type 0x88b5"),
	ROW("\x00\x26\x42\x42\x03", "802.3, 38 bytes"),
	ROW("\x88\xcc", "type 0x88cc"),
};

static void protocols(void **state)
{
	char text[FRAME_TEXT];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(
			frame_text((const u8 *)rows[i].bytes, rows[i].length, text), rows[i].text);
}

/* What is missing is told; what was there is as before. */
static void cut_short(void **state)
{
	char text[FRAME_TEXT];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		for (u32 length = 0; length < rows[i].length; length++) {
			u8 *copy = malloc(length + (length == 0));
			size_t n;

			memcpy(copy, rows[i].bytes, length);
			n = strlen(frame_text(copy, length, text));
			free(copy);
			assert_true(n > 0);
			if (strcmp(text + n - MIN(n, 3), "...") == 0)
				text[n - 3] = '\0';
			else
				assert_string_equal(text, rows[i].text);
			/* Ports come in front of where addresses end. */
			if (strstr(rows[i].text, "TCP") == NULL &&
				strstr(rows[i].text, "UDP") == NULL)
				assert_memory_equal(text, rows[i].text, strlen(text));
		}
	}
}

static void ipv6_addresses(void **state)
{
	static const struct {
		u8 groups[8];
		const char *text;
	} addresses[] = {
		{ { 0 }, "IPv6 ::" },
		{ { 0, 0, 0, 0, 0, 0, 0, 1 }, "IPv6 ::1" },
		{ { 1, 0, 0, 0, 0, 0, 0, 0 }, "IPv6 1::" },
		{ { 1, 0, 3, 4, 5, 6, 7, 8 }, "IPv6 1:0:3:4:5:6:7:8" },
		{ { 1, 0, 0, 4, 5, 0, 0, 8 }, "IPv6 1::4:5:0:0:8" },
		{ { 1, 0, 0, 4, 0, 0, 0, 8 }, "IPv6 1:0:0:4::8" },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(addresses); i++) {
		u8 frame[54] = MACS "\x86\xdd\x60\x00\x00\x00\x00\x00\x3b\x40";
		char text[FRAME_TEXT], want[FRAME_TEXT];

		for (u32 g = 0; g < 8; g++)
			frame[22 + 2 * g + 1] = addresses[i].groups[g];
		(void)frame_text(frame, sizeof(frame), text);
		strcpy(want, addresses[i].text);
		strcat(want, " > :: protocol 59");
		assert_string_equal(text, want);
	}
}

static void made_and_read(void **state)
{
	const u8 mac[6] = { 2, 3, 4, 5, 6, 7 };
	struct nic_offload o;
	u8 data[1514];

	(void)state;
	for (u32 bytes = 60; bytes <= sizeof(data); bytes++) {
		const struct test_frame t = {
			.number = bytes * 77777, .bytes = bytes, .echo = bytes % 2
		};
		struct test_frame r;
		bool good;

		test_frame_make(data, &t, mac, mac, &o);
		assert_false(o.checksum);
		assert_true(test_frame_read(data, bytes, &r, &good));
		assert_true(good && r.number == t.number && r.bytes == bytes && r.echo == t.echo);
		data[bytes - 1] ^= 1;
		assert_true(test_frame_read(data, bytes, &r, &good));
		assert_false(good);
		data[12] ^= 1;
		assert_false(test_frame_read(data, bytes, &r, &good));
	}
	assert_false(test_frame_read(data, 18, &(struct test_frame){ 0 }, &(bool){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocols),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(ipv6_addresses),
		cmocka_unit_test(made_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
