/* SPDX-License-Identifier: MIT */
/*
 * A host for the server end of the bus: RAM, messages that were sent, what was connected and interrupted.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "vmbus/server.h"

#define RAM_PAGES 512u
#define VPS       4u
#define SENT_MAX  600u

static u8 ram[RAM_PAGES][4096] __attribute__((aligned(4096)));
static struct vmbus_server s;
static struct {
	u8 bytes[VMBUS_MESSAGE_MAX];
	u32 size, vp;
} sent[SENT_MAX];
static u32 sent_count, objects, connections, attends, last_vp, last_relid, interrupts;
static bool no_memory;
static u32 seed;

static inline u32 any(u32 below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* ---- the host ---- */

static void *host_alloc(size_t size)
{
	if (no_memory)
		return NULL;
	objects++;
	return calloc(1, size);
}

static void host_free(void *p)
{
	objects--;
	free(p);
}

static void host_send(void *context, u32 vp, const void *message, u32 size)
{
	(void)context;
	assert_true(size <= VMBUS_MESSAGE_MAX && vp < VPS);
	if (sent_count == SENT_MAX)
		sent_count = 0;
	memcpy(sent[sent_count].bytes, message, size);
	sent[sent_count].vp = vp;
	sent[sent_count++].size = size;
}

static u8 *host_page(void *context, u64 pfn)
{
	(void)context;
	return pfn < RAM_PAGES ? ram[pfn] : NULL;
}

static int host_connect(void *context, u32 connection, u32 relid)
{
	(void)context;
	assert_int_equal(connection, VMBUS_CONNECTION_FIRST + relid);
	connections++;
	return 0;
}

static void host_disconnect(void *context, u32 connection, u32 relid)
{
	(void)context;
	assert_int_equal(connection, VMBUS_CONNECTION_FIRST + relid);
	connections--;
}

static void host_interrupt(void *context, u32 vp, u32 relid)
{
	(void)context;
	interrupts++;
	last_vp = vp;
	last_relid = relid;
}

static void host_attend(void *context)
{
	(void)context;
	attends++;
}

static const struct vmbus_host host = {
	.alloc = host_alloc,
	.free = host_free,
	.send = host_send,
	.page = host_page,
	.connect = host_connect,
	.disconnect = host_disconnect,
	.interrupt = host_interrupt,
	.attend = host_attend,
};

static void attend(void)
{
	while (attends > 0) {
		attends = 0;
		vmbus_server_attend(&s);
	}
}
