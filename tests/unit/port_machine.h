/* SPDX-License-Identifier: MIT */
/*
 * Two partitions for the tests of ports, each of two VPs that listen at one SINT,
 * with deposits that are counted: the root and a child of its.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/hypercall.h"
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/port.h"
#include "hypervisor/synic_impl.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

#define PAGES   64u
#define MASKED  0x10000ull
#define VECTOR  0x42u
#define SINT    2u
#define PORT    0x123u
#define CONN    7u
#define BUFFERS 16u

/* The receiver may be either; 1 has no parent, 2 is its child. */
static struct partition root, child;
static struct vp root_vps[2], child_vps[2];
static struct hv_message_page messages[4];
static struct hv_event_flags_page flags[4];
static u8 pages[2][PAGES][4096] __attribute__((aligned(4096)));
static struct cpu cpu;
static u32 interrupts[4];
static bool sends_locked; /* interrupts of the child come from senders only */
static bool child_is_gone;

struct cpu *this_cpu(void)
{
	return &cpu;
}

static u32 references;

struct partition *partition_find(u64 id)
{
	if (id > 2 || id == 0 || (id == 2 && child_is_gone))
		return NULL;
	(void)atomic_fetch_add(&references, 1);
	return id == 1 ? &root : &child;
}

void partition_put(struct partition *p)
{
	(void)p;
	(void)atomic_fetch_add(&references, (u32)-1);
}

void overlay_init(struct overlay *o)
{
	o->on = false;
}

void vlapic_interrupt(struct vp *vp, u8 vector, bool level)
{
	assert_int_equal(vector, VECTOR);
	assert_false(level);
	/* Whoever sends to a VP that may end keeps it from that. */
	if (vp->partition == &child && sends_locked)
		assert_int_not_equal(
			child.port_space.vps_lock.next, child.port_space.vps_lock.owner);
	(void)atomic_fetch_add(&interrupts[(vp->partition == &child) * 2 + vp->index], 1);
}

void synic_notify_look(struct vp *vp)
{
	(void)vp;
	fail();
}

void synic_notify_end(struct vp *vp)
{
	(void)vp;
}

static inline void vp_make(struct partition *p, u32 index)
{
	u32 n = (p == &child) * 2 + index;
	struct vp *vp = p == &child ? &child_vps[index] : &root_vps[index];

	memset(vp, 0, sizeof(*vp));
	memset(&messages[n], 0, sizeof(messages[n]));
	memset(&flags[n], 0, sizeof(flags[n]));
	synic_init(&vp->synic, &messages[n], &flags[n]);
	vp->partition = p;
	vp->index = index;
	vp->synic.control = vp->synic.simp = vp->synic.siefp = 1;
	vp->synic.sint[SINT] = VECTOR;
	store_release(&p->vps[index], vp);
}

/* As vp_delete() does it. */
static inline void vp_drop(struct partition *p, u32 index)
{
	struct vp *vp = p->vps[index];

	store_release(&p->vps[index], NULL);
	port_vp_end(vp);
	memset(vp, 0xa5, sizeof(*vp));
}

static inline int setup(void **state)
{
	(void)state;
	memset(&root, 0, sizeof(root));
	memset(&child, 0, sizeof(child));
	memset(interrupts, 0, sizeof(interrupts));
	root.id = 1;
	child.id = 2;
	child.parent = &root;
	child_is_gone = false;
	sends_locked = false;
	references = 0;
	for (u32 i = 0; i < PAGES; i++) {
		deposit_add(&root.deposit, pages[0][i]);
		deposit_add(&child.deposit, pages[1][i]);
	}
	for (u32 i = 0; i < 2; i++) {
		vp_make(&root, i);
		vp_make(&child, i);
	}
	cpu.root_vp = &root_vps[1];
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	assert_int_equal(references, 0);
	return 0;
}

static const struct port_target message_target = { .type = HV_PORT_MESSAGE, .sint = SINT };
static const struct port_target event_target = {
	.type = HV_PORT_EVENT,
	.sint = SINT,
	.base_flag = 100,
	.flag_count = 10,
};

/* A port of @to's, and @from's connection to it. */
static inline void open_to(
	struct partition *to, struct partition *from, const struct port_target *t)
{
	assert_int_equal(port_create(to, PORT, t, from->id), HV_STATUS_SUCCESS);
	assert_int_equal(port_connect(from, CONN, to, PORT, t->type), HV_STATUS_SUCCESS);
}

static inline enum hv_status post(struct partition *from, u32 connection, u64 n)
{
	struct hv_post_message_input in = {
		.connection_id = connection,
		.type = 0x500,
		.size = 13,
	};

	memset(in.payload, 0xee, sizeof(in.payload));
	in.payload[0] = n;
	return port_post(from, &in);
}

static inline struct hv_message *slot_of(const struct partition *p, u32 vp)
{
	return &messages[(p == &child) * 2 + vp].slot[SINT];
}

static inline void read_slot(const struct partition *p, u32 vp, u64 n)
{
	struct hv_message *slot = slot_of(p, vp);

	assert_int_equal(slot->header.type, 0x500);
	assert_int_equal(slot->header.size, 13);
	assert_int_equal(slot->header.sender, PORT);
	assert_int_equal(slot->payload[0], n);
	assert_int_equal(slot->payload[1], 0xeeeeeeeeee);
	slot->header.type = 0;
}

/* As EOM does it. */
static inline void again(struct partition *p, u32 vp)
{
	synic_rescan(p->vps[vp], 0xffff);
}

static inline void paid_back(void)
{
	assert_int_equal(root.deposit.used_pages, 0);
	assert_int_equal(child.deposit.used_pages, 0);
	assert_int_equal(root.deposit.free_pages, PAGES);
	assert_int_equal(child.deposit.free_pages, PAGES);
	assert_null(root.port_space.ports.root);
	assert_null(child.port_space.connections.root);
}

/* Each step of an end; VP 0 of the receiver comes back at once. */
static struct partition *receiver, *sender;

static inline void end_port(void)
{
	assert_int_equal(port_delete(receiver, PORT), HV_STATUS_SUCCESS);
}

static inline void end_connection(void)
{
	assert_int_equal(port_disconnect(sender, CONN), HV_STATUS_SUCCESS);
}

static inline void end_vp(void)
{
	if (receiver == &root)
		return;
	vp_drop(receiver, 0);
	vp_make(receiver, 0);
}
