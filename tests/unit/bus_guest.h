/* SPDX-License-Identifier: MIT */
/*
 * Guests of the bus for tests, as many as one wants: each has RAM, a server of its own and what that sent, and is played
 * by the test, which may do anything to it. What no server may do to any guest ends the program here (BUS_MUST),
 * so that fuzz targets use it, too. Not for threads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errno.h"
#include "vmbus/server.h"

#define BUS_PAGE      4096u
#define BUS_PAGES     256u
#define BUS_VPS       4u
#define BUS_SENT      256u /* messages that are kept */
#define BUS_END_PAGES 32u  /* of both rings of a channel, at most */
#define BUS_ASIDE     0xa5 /* every byte of pages that are not RAM of the guest's */

#define BUS_MUST(it)                                                                     \
	do {                                                                             \
		if (!(it)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #it); \
			__builtin_trap();                                                \
		}                                                                        \
	} while (0)

/* What the guest's page is: RAM, or what no provider may have an address of. */
enum bus_kind { BUS_RAM, BUS_READ_ONLY, BUS_FOREIGN };

struct bus_message {
	_Alignas(8) u8 bytes[VMBUS_MESSAGE_MAX];
	u32 size, vp;
};

struct bus_guest {
	u8 (*ram)[BUS_PAGE];
	u32 pages; /* of it */
	u8 kinds[BUS_PAGES];
	struct vmbus_host host;
	struct vmbus_server server;
	struct bus_message sent[BUS_SENT];
	u32 sent_count, taken;                  /* since it was made */
	u32 sent_of[VMBUS_MODIFY_RESPONSE + 1]; /* by type */
	bool connected[VMBUS_RELID_MAX + 1];
	u32 connections, interrupts, attends;
	bool no_connections; /* none can be had */
};

/* Of all guests: memory that providers and servers have, and whether there is more; a number that fails after so many. */
extern u32 bus_objects;
extern u32 bus_fail_after; /* 0: never */
void *bus_alloc(size_t size);
void bus_free(void *p);

/* Numbers at random, from a seed of the test's. */
extern u32 bus_seed;
u32 bus_any(u32 below);

/* @pages of RAM, no more than BUS_PAGES. */
void bus_guest_make(struct bus_guest *g, u32 pages);
/* Its server is ended, which providers let happen; nothing may be left of it. */
void bus_guest_end(struct bus_guest *g);
/* The page is not its RAM from now on. */
void bus_set_aside(struct bus_guest *g, u32 pfn, enum bus_kind kind);

/* ---- messages ---- */

void bus_attend(struct bus_guest *g);
void bus_post(struct bus_guest *g, const void *message, u32 size);
/* The next message that was sent, if it is of that type and size, which is what the test expects; else NULL. */
const void *bus_next(struct bus_guest *g, u32 type, u32 size);
/* Everything that was sent until now is passed over. */
void bus_skip(struct bus_guest *g);
bool bus_is_silent(const struct bus_guest *g);

void bus_contact(struct bus_guest *g, u32 version, u32 vp);
/* Contact with version 5.3, and all offers taken. */
void bus_connect(struct bus_guest *g);
void bus_relid(struct bus_guest *g, u32 type, u32 relid);
/* Pages [first, first + count) as one GPADL, in as many messages as it takes. */
void bus_gpadl(struct bus_guest *g, u32 relid, u32 gpadl, u32 first, u32 count);
/* Whether it was created, as the next message says. */
bool bus_created(struct bus_guest *g, u32 relid, u32 gpadl);
void bus_open(struct bus_guest *g, u32 relid, u32 gpadl, u32 vp, u32 downstream);
bool bus_opened(struct bus_guest *g, u32 relid);
void bus_teardown(struct bus_guest *g, u32 relid, u32 gpadl);
/* Whether the next message says so. */
bool bus_torndown(struct bus_guest *g, u32 gpadl);

/* ---- the guest's end of a channel ---- */

struct bus_end {
	struct bus_guest *g;
	struct vmbus_channel *c;
	u32 relid, gpadl, first,
		half; /* the first page, and how many each ring has with its control page */
	struct vmbus_ring out, in;
	u8 *out_pages[BUS_END_PAGES], *in_pages[BUS_END_PAGES];
};

/* @count pages from @first on, zeroed, half of them for each direction. False: it was refused. */
bool bus_end_open(struct bus_end *e, struct bus_guest *g, struct vmbus_channel *c, u32 gpadl,
	u32 first, u32 count);
/* Closed, and its memory is the guest's again, as the server says. */
bool bus_end_close(struct bus_end *e);
/* The guest signals the connection; false: the host does not know it, or the channel is not open. */
bool bus_end_signal(struct bus_end *e);
/* As vmbus_ring_write(); the host is signalled if it is to be. */
int bus_end_write(struct bus_end *e, const struct vmbus_message *m);
/* As vmbus_ring_read(), likewise. */
int bus_end_read(struct bus_end *e, struct vmbus_packet *p, void *buf, u32 size);
