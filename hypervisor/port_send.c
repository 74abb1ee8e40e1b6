/* SPDX-License-Identifier: MIT */
/*
 * Sending: a connection is looked up, and the port behind it used, under the
 * lock of the sender's partition. A port's messages are taken and given back
 * without a lock. On the sender's processor.
 */
#include "hv/hypercall.h"
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/port_impl.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/atomic.h"

bool port_buffer_give(struct synic_message *m)
{
	struct buffers *b = (void *)ALIGN_DOWN((u64)m, PAGE_SIZE);

	/* Partner: the exchange in page_take(), and the load in buffers_free(), port.c. */
	atomic_fetch_and(&b->used, ~(1u << (m - b->message)));
	return false;
}

static struct synic_message *page_take(struct buffers *b)
{
	u32 used = load_relaxed(&b->used);

	while (used != BIT(PAGE_BUFFERS) - 1) {
		u32 n = (u32)__builtin_ctz(~used);

		if (atomic_compare_exchange(&b->used, &used, used | 1u << n))
			return &b->message[n];
	}
	return NULL;
}

static struct synic_message *buffer_take(const struct port *port)
{
	for (u32 i = 0; i < BUFFER_PAGES; i++) {
		struct synic_message *m = page_take(port->buffers[i]);

		if (m)
			return m;
	}
	return NULL;
}

/* The root's VPs never end: its lock would only make its children wait for each other. */
static void vps_lock(struct partition *p)
{
	if (!partition_is_root(p))
		spin_lock(&p->port_space.vps_lock);
}

static void vps_unlock(struct partition *p)
{
	if (!partition_is_root(p))
		spin_unlock(&p->port_space.vps_lock);
}

/*
 * Of any VP: the root's nearest, if it is open, else the first one that is; if
 * none is, the first that there is. NULL: there is none at all.
 */
static struct vp *any_vp(
	const struct partition *p, u32 sint, bool (*open)(const struct synic *s, u32 sint))
{
	struct vp *near = this_cpu()->root_vp, *first = NULL;

	if (partition_is_root(p) && open(&near->synic, sint))
		return near;
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = partition_vp(p, i);

		if (vp && open(&vp->synic, sint))
			return vp;
		if (!first)
			first = vp;
	}
	return first;
}

static struct vp *receiver(const struct port *port, bool (*open)(const struct synic *s, u32 sint))
{
	const struct port_target *t = &port->target;

	return t->vp == HV_VP_ANY ? any_vp(port->owner, t->sint, open)
				  : partition_vp(port->owner, t->vp);
}

static void message_fill(
	struct synic_message *m, const struct port *port, const struct hv_post_message_input *in)
{
	m->message.header = (struct hv_message_header){
		.type = in->type,
		.size = (u8)in->size,
		.sender = port->entry.id,
	};
	memcpy(m->message.payload, in->payload, in->size);
	/* Whole words go into the slot, and nothing of the one before. */
	memset((u8 *)m->message.payload + in->size, 0, ALIGN_UP(in->size, 8) - in->size);
}

static enum hv_status post(const struct port *port, const struct hv_post_message_input *in)
{
	struct synic_message *m = buffer_take(port);
	struct vp *vp;

	if (!m)
		return HV_STATUS_INSUFFICIENT_BUFFERS;
	message_fill(m, port, in);
	vps_lock(port->owner);
	vp = receiver(port, synic_is_open);
	if (vp)
		synic_post(vp, port->target.sint, m);
	vps_unlock(port->owner);
	if (vp)
		return HV_STATUS_SUCCESS;
	(void)port_buffer_give(m);
	return HV_STATUS_INVALID_VP_INDEX;
}

static enum hv_status signal(const struct port *port, u16 flag)
{
	const struct port_target *t = &port->target;
	enum hv_status status = HV_STATUS_INVALID_VP_INDEX;
	struct vp *vp;
	bool newly;

	if (flag >= t->flag_count)
		return HV_STATUS_INVALID_PARAMETER;
	vps_lock(port->owner);
	vp = receiver(port, synic_takes_events);
	if (vp)
		status = synic_signal(vp, t->sint, t->base_flag + flag, &newly);
	vps_unlock(port->owner);
	return status;
}

/* The port that connection @id of @from leads to. The lock of @from is held. */
static enum hv_status port_of(
	const struct partition *from, u32 id, enum hv_port_type type, const struct port **port)
{
	const struct connection *c = id_table_find(&from->port_space.connections, id);

	if (!c)
		return HV_STATUS_INVALID_CONNECTION_ID;
	*port = c->port;
	return c->port && c->port->target.type == type ? HV_STATUS_SUCCESS
						       : HV_STATUS_INVALID_PORT_ID;
}

enum hv_status port_post(struct partition *from, const struct hv_post_message_input *message)
{
	const struct port *port;
	enum hv_status status;

	spin_lock(&from->port_space.lock);
	status = port_of(from, message->connection_id, HV_PORT_MESSAGE, &port);
	if (status == HV_STATUS_SUCCESS)
		status = post(port, message);
	spin_unlock(&from->port_space.lock);
	return status;
}

enum hv_status port_signal(struct partition *from, u32 connection, u16 flag)
{
	const struct port *port;
	enum hv_status status;

	spin_lock(&from->port_space.lock);
	status = port_of(from, connection, HV_PORT_EVENT, &port);
	if (status == HV_STATUS_SUCCESS)
		status = signal(port, flag);
	spin_unlock(&from->port_space.lock);
	return status;
}
