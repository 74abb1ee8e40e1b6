/* SPDX-License-Identifier: MIT */
/*
 * GPADLs: memory that a guest shares with a provider, named by a number of the guest's and told as a list of
 * its pages in one message or several. Each page is looked up once, when it is told, and is RAM of
 * the guest's; bounded in number and pages, as the lists are ours.
 *
 * No lock: the server's owner has one.
 */
#pragma once

#include "lib/list.h"
#include "vmbus/protocol.h"

#define VMBUS_PAGE            4096u
#define VMBUS_GPADLS_MAX      1024u  /* of a guest */
#define VMBUS_GPADL_PAGES_MAX 65536u /* of all of them: 256 MiB */

struct vmbus_host;

struct vmbus_gpadl {
	struct list_node link;
	u32 id;
	u32 relid;  /* the channel that it was made for */
	u32 offset; /* of the first byte in the first page */
	u32 bytes;
	u32 pages;      /* that it is to have */
	u32 filled;     /* those that were told */
	u32 users;      /* channels that have rings in it */
	bool torn_down; /* the guest wants it back when nobody uses it any more */
	u64 *pfns;      /* as they were told; behind the addresses */
	u8 *page[];
};

struct vmbus_gpadls {
	const struct vmbus_host *host;
	struct list_node list;
	u32 count;
	u32 pages;
};

void vmbus_gpadls_init(struct vmbus_gpadls *t, const struct vmbus_host *host);
/* Nobody uses one. */
void vmbus_gpadls_clear(struct vmbus_gpadls *t);

/*
 * GPADL_HEADER and GPADL_BODY, @size bytes: 1: *@g is whole; 0: more is to come. -EINVAL: sizes,
 * counts and offsets that do not go together, more than one range; -EEXIST: the number is in use;
 * -EFAULT: a page that is no RAM of the guest's; -ENOSPC, -ENOMEM: too much. After an error there is none of
 * that number, but for one that was whole before; *@g is NULL, *@relid its channel.
 */
[[nodiscard]] int vmbus_gpadl_begin(struct vmbus_gpadls *t, const struct vmbus_gpadl_header *h,
	u32 size, struct vmbus_gpadl **g);
/* -ENOENT: none of that number waits for more: nothing is done. */
[[nodiscard]] int vmbus_gpadl_continue(struct vmbus_gpadls *t, const struct vmbus_gpadl_body *b,
	u32 size, struct vmbus_gpadl **g, u32 *relid);

/* The one of that number, as it may be: not whole, or torn down; NULL: there is none. */
struct vmbus_gpadl *vmbus_gpadl_named(const struct vmbus_gpadls *t, u32 id);
/* The one that is whole and may be used, or NULL. */
struct vmbus_gpadl *vmbus_gpadl_find(const struct vmbus_gpadls *t, u32 id);
/*
 * Whether a ring from its beginning on and another from page @downstream on have room there, each a page in front of
 * one of data at least; the second one goes on to the end.
 */
bool vmbus_gpadl_holds_rings(const struct vmbus_gpadl *g, u32 downstream);
/* Nobody uses it. */
void vmbus_gpadl_remove(struct vmbus_gpadls *t, struct vmbus_gpadl *g);
