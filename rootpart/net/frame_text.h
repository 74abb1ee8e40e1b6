/* SPDX-License-Identifier: MIT */
/*
 * An Ethernet frame in a readable line. Any bytes are taken: nothing is read behind
 * those that are there. No state; any context.
 */
#pragma once

#include "base/types.h"

#define FRAME_MAC_TEXT 18u
#define FRAME_TEXT     224u

/* "52:54:00:12:34:56", into FRAME_MAC_TEXT. */
const char *frame_mac_text(const u8 *mac, char *text);
/*
 * What the frame is, of which @have bytes from its start are at @data: "IPv4 10.0.0.1.1024 >
 * 10.0.0.2.53 UDP 33 bytes", into FRAME_TEXT. What it does not know it names by number;
 * "..." ends a text for which bytes are missing.
 */
const char *frame_text(const u8 *data, u32 have, char *text);
