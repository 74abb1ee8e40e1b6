/* SPDX-License-Identifier: MIT */
/*
 * Making and ending ports and connections. A sender looks its connection up and
 * uses the port behind it under its own partition's lock; who ends a port first
 * takes it from all its connections, under the same lock, and so knows that
 * nobody uses it any more. All connections of a port are of one partition. On
 * any processor.
 */
#include "hypervisor/port.h"

#include "hypervisor/partition.h"
#include "hypervisor/port_impl.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

/* Of all that makes and ends. */
static struct spinlock lock;

/* Nobody posts any more; what waits is taken back. */
static void buffers_free(struct partition *owner, struct buffers *b)
{
	for (u32 i = 0; i < PAGE_BUFFERS; i++)
		if (load_acquire(&b->used) >> i & 1)
			synic_cancel(&b->message[i]);
	deposit_give(&owner->deposit, b);
}

static struct buffers *buffers_make(struct partition *owner)
{
	struct buffers *b = deposit_take(&owner->deposit);

	if (!b)
		return NULL;
	for (u32 i = 0; i < PAGE_BUFFERS; i++) {
		list_init(&b->message[i].link);
		b->message[i].refill = port_buffer_give;
	}
	return b;
}

static void port_buffers_free(struct port *port)
{
	for (u32 i = 0; i < BUFFER_PAGES; i++)
		if (port->buffers[i])
			buffers_free(port->owner, port->buffers[i]);
}

static enum hv_status port_fill(struct port *port)
{
	for (u32 i = 0; i < BUFFER_PAGES && port->target.type == HV_PORT_MESSAGE; i++) {
		port->buffers[i] = buffers_make(port->owner);
		if (!port->buffers[i])
			return HV_STATUS_INSUFFICIENT_MEMORY;
	}
	return HV_STATUS_SUCCESS;
}

static enum hv_status create(
	struct partition *owner, u32 id, const struct port_target *target, u64 connection_partition)
{
	struct id_table *ports = &owner->port_space.ports;
	struct port *port;
	void *entry;
	enum hv_status status = id_table_add(ports, &owner->deposit, id, &entry);

	if (status != HV_STATUS_SUCCESS)
		return status;
	port = entry;
	port->target = *target;
	port->connection_partition = connection_partition;
	port->owner = owner;
	list_init(&port->connections);
	status = port_fill(port);
	if (status == HV_STATUS_SUCCESS)
		return status;
	port_buffers_free(port);
	id_table_remove(ports, &owner->deposit, id);
	return status;
}

enum hv_status port_create(
	struct partition *owner, u32 id, const struct port_target *target, u64 connection_partition)
{
	enum hv_status status;

	spin_lock(&lock);
	status = create(owner, id, target, connection_partition);
	spin_unlock(&lock);
	return status;
}

/* Takes the port from one of its connections, all of @from. */
static bool cut_one(struct port *port, struct partition *from)
{
	struct list_node *n;

	spin_lock(&from->port_space.lock);
	n = list_pop_front(&port->connections);
	if (n)
		list_entry(n, struct connection, link)->port = NULL;
	spin_unlock(&from->port_space.lock);
	return n;
}

/* From all. If their partition is gone, so are they, and another has its id at most. */
static void cut_all(struct port *port)
{
	struct partition *from = partition_find(port->connection_partition);

	if (!from)
		return;
	while (cut_one(port, from))
		;
	partition_put(from);
}

static void port_end(struct port *port)
{
	struct partition *owner = port->owner;

	cut_all(port);
	port_buffers_free(port);
	id_table_remove(&owner->port_space.ports, &owner->deposit, port->entry.id);
}

enum hv_status port_delete(struct partition *owner, u32 id)
{
	struct port *port;

	spin_lock(&lock);
	port = id_table_find(&owner->port_space.ports, id);
	if (port)
		port_end(port);
	spin_unlock(&lock);
	return port ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PORT_ID;
}

static enum hv_status connect(struct partition *from, u32 id, struct port *port, u32 type)
{
	struct connection *c;
	enum hv_status status;
	void *entry;

	if (!port)
		return HV_STATUS_INVALID_PORT_ID;
	if (port->connection_partition != from->id)
		return HV_STATUS_ACCESS_DENIED;
	if (port->target.type != type)
		return HV_STATUS_INVALID_PARAMETER;
	spin_lock(&from->port_space.lock);
	status = id_table_add(&from->port_space.connections, &from->deposit, id, &entry);
	if (status == HV_STATUS_SUCCESS) {
		c = entry;
		c->port = port;
		list_push_back(&port->connections, &c->link);
	}
	spin_unlock(&from->port_space.lock);
	return status;
}

enum hv_status port_connect(
	struct partition *from, u32 id, struct partition *owner, u32 port_id, u32 type)
{
	enum hv_status status;

	spin_lock(&lock);
	status = connect(from, id, id_table_find(&owner->port_space.ports, port_id), type);
	spin_unlock(&lock);
	return status;
}

/* Where the port has ended, the link is on no list. */
static void connection_end(struct partition *from, struct connection *c)
{
	spin_lock(&from->port_space.lock);
	list_remove(&c->link);
	id_table_remove(&from->port_space.connections, &from->deposit, c->entry.id);
	spin_unlock(&from->port_space.lock);
}

enum hv_status port_disconnect(struct partition *from, u32 id)
{
	struct connection *c;

	spin_lock(&lock);
	c = id_table_find(&from->port_space.connections, id);
	if (c)
		connection_end(from, c);
	spin_unlock(&lock);
	return c ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_CONNECTION_ID;
}

bool port_end_one(struct partition *p)
{
	struct connection *c;
	struct port *port;

	spin_lock(&lock);
	port = id_table_first(&p->port_space.ports);
	c = port ? NULL : id_table_first(&p->port_space.connections);
	if (port)
		port_end(port);
	else if (c)
		connection_end(p, c);
	spin_unlock(&lock);
	return port || c;
}

void port_vp_end(struct vp *vp)
{
	struct port_space *space = &vp->partition->port_space;

	/* Those who found it before hold this; pairs with vp_lock(). */
	spin_lock(&space->vps_lock);
	spin_unlock(&space->vps_lock);
	/* And no port ends meanwhile that looks for its messages here. */
	spin_lock(&lock);
	synic_end(vp);
	spin_unlock(&lock);
}
