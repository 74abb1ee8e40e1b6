/* SPDX-License-Identifier: MIT */
/*
 * The bus of a machine for tests: a root, a hypervisor and a child that the test plays, and a device on the bus.
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
#include "hv/port.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall.h"
#include "rootpart/hypercall_port.h"
#include "rootpart/panic.h"
#include "rootpart/synic.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/timer.h"
#include "rootpart/vm/deposit.h"
#include "rootpart/vm/vm_bus.h"
#include "rootpart/vm/vm_signal.h"
#include "rootpart/work.h"
#include "tests/unit/fake_root.h"

#define ID        7ull
#define BUS_VP    1u
#define CHILD_VPS 2u
#define RAM_PAGES 16u
#define PORTS     1100u
#define LOG       400u

static struct vm_bus bus;
static struct child child;
static u8 ram[RAM_PAGES][4096] __attribute__((aligned(4096)));
static u32 objects;

/* ---- the root ---- */

static struct cpu vps[2];
static u32 running;
u32 cpu_count = 2;

struct cpu *this_cpu(void)
{
	return &vps[running];
}

_Noreturn void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

void *kmalloc(size_t size)
{
	objects++;
	return malloc(size);
}

void *kzalloc(size_t size)
{
	objects++;
	return calloc(1, size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

u8 *child_page(const struct child *c, u64 pfn)
{
	assert_ptr_equal(c, &child);
	return pfn < RAM_PAGES ? ram[pfn] : NULL;
}

static u32 short_of; /* so many calls find the deposit short */

bool deposit_more(u64 id, int r)
{
	assert_true(id == ID || id == HV_PARTITION_SELF);
	return r == -ENOMEM;
}

static int take_deposit(void)
{
	if (short_of == 0)
		return 0;
	short_of--;
	return -ENOMEM;
}

/* The bus' task: it runs until it waits. */
static void (*task_entry)(void *arg);
static jmp_buf idle;

struct task *task_create_on(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	static struct task t;

	assert_int_equal(vp, BUS_VP);
	assert_string_equal(name, "bus");
	assert_ptr_equal(arg, &bus);
	task_entry = entry;
	return &t;
}

void mutex_init(struct mutex *m)
{
	m->held = false;
}

void mutex_lock(struct mutex *m)
{
	assert_false(m->held);
	m->held = true;
}

void mutex_unlock(struct mutex *m)
{
	assert_true(m->held);
	m->held = false;
}

void wait_queue_init(struct wait_queue *q)
{
	(void)q;
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

static void run(void);

/* The task waits; or the test itself, for the task. */
int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	(void)w;
	(void)deadline_ns;
	assert_true(fake_irq_on && !bus.lock.held);
	if (q == &bus.wake)
		longjmp(idle, 1);
	run();
	return 0;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

/* Work of channels, in the order in which it was asked for. */
static struct work *asked[8];
static u32 asked_count, drains;

void work_init(struct work *w, void (*function)(struct work *w))
{
	w->run = function;
	w->asked = false;
}

void work_ask_on(struct work *w, u32 vp)
{
	assert_true(vp < cpu_count);
	if (w->asked)
		return;
	w->asked = true;
	asked[asked_count++] = w;
}

static void run_work(void)
{
	for (u32 i = 0; i < asked_count; i++) {
		asked[i]->asked = false;
		asked[i]->run(asked[i]);
	}
	asked_count = 0;
}

void work_drain(const struct work *w)
{
	(void)w;
	drains++;
	run_work();
}

/* One timer of each VP. */
static struct timer *timers[2];
static u32 timer_count, timer_starts;
static u64 now;

u64 time_ns(void)
{
	return now;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	*t = (struct timer){ .fire = fire };
	if (timer_count < 2)
		timers[timer_count++] = t;
}

void timer_start(struct timer *t, u64 deadline_ns)
{
	assert_ptr_equal(t, timers[running]);
	assert_true(!t->armed && deadline_ns == now + 100000);
	t->armed = true;
	timer_starts++;
}

static void timer_due(u32 vp)
{
	timers[vp]->armed = false;
	timers[vp]->fire(timers[vp]);
}

/* ---- the hypervisor ---- */

static struct port {
	u32 id, vp, flag;
	bool message;
} ports[PORTS];
static u32 port_count;
static struct connection {
	u32 id, port;
} connections[PORTS];
static u32 connection_count;
static u64 event_flags[2][HV_EVENT_FLAGS / 64];
static bool no_connection;

static int port_add(const struct hypercall_port *port, bool message, u16 flag)
{
	int r = take_deposit();

	assert_int_equal(port->owner, HV_PARTITION_SELF);
	assert_int_equal(port->from, ID);
	assert_int_equal(port->sint, SYNIC_BUS_SINT);
	if (r != 0)
		return r;
	for (u32 i = 0; i < port_count; i++)
		assert_int_not_equal(ports[i].id, port->id);
	ports[port_count++] = (struct port){ port->id, port->vp, flag, message };
	return 0;
}

int hypercall_create_message_port(const struct hypercall_port *port)
{
	assert_int_equal(port->id, ID);
	return port_add(port, true, 0);
}

int hypercall_create_event_port(const struct hypercall_port *port, u16 first, u16 count)
{
	assert_int_equal(count, 1);
	return port_add(port, false, first);
}

int hypercall_delete_port(u64 owner, u32 id)
{
	assert_int_equal(owner, HV_PARTITION_SELF);
	for (u32 i = 0; i < port_count; i++) {
		if (ports[i].id == id) {
			ports[i] = ports[--port_count];
			return 0;
		}
	}
	fail();
	return -ENOENT;
}

int hypercall_connect_port(
	u64 from, u32 id, const struct hypercall_port *port, enum hv_port_type type)
{
	int r = no_connection ? -EBUSY : take_deposit();

	assert_int_equal(from, ID);
	assert_int_equal(type, port->id == ID ? HV_PORT_MESSAGE : HV_PORT_EVENT);
	if (r == 0)
		connections[connection_count++] = (struct connection){ id, port->id };
	return r;
}

int hypercall_disconnect_port(u64 from, u32 id)
{
	assert_int_equal(from, ID);
	for (u32 i = 0; i < connection_count; i++) {
		if (connections[i].id == id) {
			connections[i] = connections[--connection_count];
			return 0;
		}
	}
	fail();
	return -ENOENT;
}

static const struct port *port_behind(u32 connection)
{
	for (u32 i = 0; i < connection_count; i++)
		for (u32 k = 0; k < port_count && connections[i].id == connection; k++)
			if (ports[k].id == connections[i].port)
				return &ports[k];
	return NULL;
}

/* The child's slot, and what it has read. */
static bool slot_full, slot_off;
static u32 notify_vp, notified;
static struct {
	u32 type, vp, size;
	u8 bytes[VMBUS_MESSAGE_MAX];
} received[LOG];
static u32 received_count;

int hypercall_post_message_direct(u64 id, u32 vp, u8 sint, const struct hv_message *m)
{
	assert_int_equal(id, ID);
	assert_int_equal(sint, VMBUS_SINT);
	if (slot_off)
		return -ENOTCONN;
	if (slot_full)
		return -EBUSY;
	assert_int_equal(m->header.type, VMBUS_MESSAGE_TYPE);
	assert_true(received_count < LOG);
	memcpy(received[received_count].bytes, m->payload, m->header.size);
	memcpy(&received[received_count].type, m->payload, 4);
	received[received_count].size = m->header.size;
	received[received_count++].vp = vp;
	slot_full = true;
	return 0;
}

int hypercall_notify_deliverable(u64 id, u32 vp, u16 sints)
{
	int r = take_deposit();

	assert_int_equal(id, ID);
	assert_int_equal(sints, 1u << VMBUS_SINT);
	if (r != 0)
		return r;
	notify_vp = vp;
	notified++;
	return 0;
}

static struct {
	u32 vp, flag, count;
} interrupted;

int hypercall_signal_event_direct(u64 id, u32 vp, u8 sint, u16 flag, bool *newly)
{
	(void)newly;
	assert_int_equal(id, ID);
	assert_int_equal(sint, VMBUS_SINT);
	interrupted.vp = vp;
	interrupted.flag = flag;
	interrupted.count++;
	return 0;
}

/* ---- the child ---- */

static void run(void)
{
	if (setjmp(idle) == 0)
		task_entry(&bus);
}

/* HvCallPostMessage; false: there is no such connection. */
static bool post(u32 connection, const void *message, u32 size)
{
	const struct port *p = port_behind(connection);
	struct hv_message m = { .header = { .type = 1, .size = (u8)size, .sender = ID } };

	if (p == NULL)
		return false;
	assert_true(p->message && p->vp == BUS_VP);
	memcpy(m.payload, message, size);
	irq_disable();
	vm_bus_message(&bus, &m);
	irq_enable();
	return true;
}

/* The child empties its slot; what waits for that comes. */
static void read_slot(void)
{
	slot_full = false;
	if (notified > 0) {
		notified = 0;
		vm_bus_deliverable(&bus);
	}
	run();
}

static void read_all(void)
{
	do
		read_slot();
	while (slot_full);
}

static void contact(u32 vp)
{
	const struct vmbus_contact m = {
		.header.type = VMBUS_INITIATE_CONTACT, .version = VMBUS_VERSION_5_2, .vp = vp
	};

	assert_true(post(VMBUS_CONNECTION_CONTACT, &m, sizeof(m)));
	run();
	read_all();
}

static void expect(u32 i, u32 type)
{
	assert_true(i < received_count);
	assert_int_equal(received[i].type, type);
}

/* ---- a device ---- */

static struct device {
	struct vmbus_channel c;
	bool busy;
	u32 signals, released;
} device;

static int device_open(struct vmbus_channel *c)
{
	(void)c;
	return 0;
}

static void device_close(struct vmbus_channel *c)
{
	if (!device.busy)
		vmbus_channel_closed(c);
}

static void device_signalled(struct vmbus_channel *c)
{
	(void)c;
	device.signals++;
}

static void device_released(struct vmbus_channel *c)
{
	(void)c;
	device.released++;
}

static const struct vmbus_provider provider = {
	.open = device_open,
	.close = device_close,
	.signalled = device_signalled,
	.released = device_released,
};

static u32 attended;

static void device_attend(struct vm_bus_device *d)
{
	(void)d;
	assert_true(bus.lock.held);
	attended++;
}

static struct vm_bus_device listener = { .attend = device_attend };

/* The child opens the device's channel, with two rings of a page of data. */
static void open_device(void)
{
	const struct vmbus_open open = {
		.header.type = VMBUS_OPEN_CHANNEL, .relid = 1, .gpadl = 9, .vp = 1, .downstream = 2
	};
	struct {
		struct vmbus_gpadl_header h;
		u64 pfns[4];
	} __attribute__((packed)) gpadl = {
		.h = { .header.type = VMBUS_GPADL_HEADER,
			.relid = 1,
			.gpadl = 9,
			.range_bytes = 40,
			.range_count = 1,
			.byte_count = 4 * 4096 },
		.pfns = { 1, 2, 3, 4 },
	};

	memset(ram, 0, sizeof(ram));
	assert_true(post(VMBUS_CONNECTION_MESSAGE, &gpadl, sizeof(gpadl)));
	assert_true(post(VMBUS_CONNECTION_MESSAGE, &open, sizeof(open)));
	run();
	read_all();
	expect(received_count - 2, VMBUS_GPADL_CREATED);
	expect(received_count - 1, VMBUS_OPEN_RESULT);
	assert_int_equal(device.c.state, VMBUS_CHANNEL_OPEN);
}

static void connect_device(void)
{
	const struct vmbus_header m = { .type = VMBUS_REQUEST_OFFERS };

	contact(0);
	assert_true(post(VMBUS_CONNECTION_MESSAGE, &m, sizeof(m)));
	run();
	read_all();
}

static void signal_device(void)
{
	const struct port *p = port_behind(VMBUS_CONNECTION_FIRST + 1);

	assert_non_null(p);
	event_flags[p->vp][p->flag / 64] |= 1ull << p->flag % 64;
	running = p->vp;
	vm_signal_events(event_flags[p->vp]);
	running = BUS_VP;
	assert_int_equal(event_flags[p->vp][p->flag / 64], 0);
}

static void nothing_left(void)
{
	assert_int_equal(port_count + connection_count, 0);
	assert_int_equal(objects, 0);
	assert_int_equal(asked_count, 0);
	assert_true(fake_irq_on);
}

static int set_up(void **state)
{
	static bool once;

	(void)state;
	if (!once) {
		vm_signal_init();
		vm_bus_init();
	}
	once = true;
	for (u32 i = 0; i < 2; i++)
		vps[i].vp = i;
	running = BUS_VP;
	objects = port_count = connection_count = asked_count = drains = 0;
	received_count = notified = attended = short_of = 0;
	slot_full = slot_off = no_connection = false;
	memset(&interrupted, 0, sizeof(interrupted));
	child = (struct child){ .id = ID, .vps = CHILD_VPS };
	device = (struct device){ .c = { .provider = &provider } };
	assert_int_equal(vm_bus_start(&bus, &child, BUS_VP), 0);
	vm_bus_add(&bus, &listener);
	mutex_lock(&bus.lock);
	assert_int_equal(vmbus_server_offer(&bus.server, &device.c), 0);
	mutex_unlock(&bus.lock);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vm_bus_stop(&bus);
	assert_int_equal(device.released, 1);
	nothing_left();
	return 0;
}
