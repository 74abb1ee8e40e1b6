/* SPDX-License-Identifier: MIT */
/*
 * Frames whose contents can be told from their number: for `nic test` and its peer
 * in tests/e2e/frames.py. Behind an Ethernet header of the type that is set aside for
 * experiments (IEEE 802, 9.2.4) come the number (4 bytes, high first), whether it is an
 * echo (1), and byte i of the frame being 7 * number + i. For offloads the same stands behind
 * headers of IPv4 and UDP, or of TCP if the device is to cut it.
 */
#pragma once

#include "rootpart/net/nic.h"

#define TEST_FRAME_MIN  60u
#define TEST_FRAME_TYPE 0x88b5u
/* As the number of an echo: who echoes is ready. */
#define TEST_FRAME_READY 0xffffffffu

enum test_frame_kind { TEST_FRAME_PLAIN, TEST_FRAME_UDP, TEST_FRAME_TCP };

struct test_frame {
	u32 number;
	u32 bytes;
	enum test_frame_kind kind;
	u32 segment; /* TCP: payload of each */
	bool echo;
};

/* Fills @data of t->bytes and @offload. Bytes that do not suffice for headers are our own bug. */
void test_frame_make(u8 *data, const struct test_frame *t, const u8 *source, const u8 *target,
	struct nic_offload *offload);
/* Reads a plain one. False: it is none. *@good: all its bytes are as they should be. */
bool test_frame_read(const u8 *data, u32 bytes, struct test_frame *t, bool *good);
