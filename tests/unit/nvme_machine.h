/* SPDX-License-Identifier: MIT */
/*
 * A made-up NVMe controller, and the rest of the kernel around its driver, for
 * host tests. The controller works when the driver sleeps or the test calls
 * device_run(); it checks what it is given, and misbehaves as it is told. GPAs are
 * addresses of the host, so that the sanitizer sees what the controller touches.
 * Included by one source of a program.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "fake/fake.h"
#include "rootpart/block/block.h"
#include "rootpart/cpu.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "tests/unit/fake_root.h"

#define REGS       0x100000000000ull
#define DISK_BYTES (8 * MIB)
#define QUEUES     8u
#define PIECES     600u

/* A ring as the controller has it. */
struct ring {
	u64 base;
	u32 entries; /* 0: there is none */
	u32 at;      /* head of a submission queue, tail of a completion queue */
	u32 bell;    /* what the driver told */
	bool phase;
	u32 cq; /* of a submission queue */
	u32 vector;
};

static struct device {
	/* How it is made. */
	u64 cap;
	u8 mdts, vwc;
	u16 oncs;
	u32 namespaces[4]; /* ids in use */
	u32 format;        /* of all: shift << 16 | metadata */
	u32 queues_granted;
	u32 vectors;
	bool pin;
	/* How it misbehaves. */
	bool never_ready;
	bool never_off;
	bool never_shut;
	bool silent;     /* answers nothing any more */
	bool silent_io;  /* admin commands still work */
	u32 admin_fails; /* the opcode that it refuses, as a bit */
	u16 status;      /* of all I/O: type << 8 | code */
	bool held;       /* fetches I/O commands, and keeps them */
	/* What is going on. */
	u32 cc, csts, aqa, intms;
	u64 asq, acq;
	struct ring sq[QUEUES], cq[QUEUES];
	u8 *disk;
	struct nvme_command kept[PIECES];
	u32 kept_queue[PIECES];
	u32 kept_count;
	u32 resets;
	u32 flushes, fuas;
	struct nvme_range dropped;
	u32 io_nsid;
} device;

static struct pci_device pci;
static u16 command_register;
static u64 now;
static u32 objects, pages;
static u32 memory_left;
static struct block_device *blocks[8];
static u32 block_count;
static int register_answer;
static u32 asked_recover;
static char logged[256];
static u32 log_lines;

struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = 2;

/* Pieces that ended. */
static struct {
	struct block_device *d;
	u32 queue, tag;
	int error;
} ended[PIECES];
static u32 ended_count;

static struct {
	irq_handler handler;
	void *ctx;
	u32 vp;
} irqs[QUEUES];
static struct work *works[QUEUES * 2];
static u32 work_count;

static inline void *memory(u64 gpa)
{
	return (void *)gpa;
}

static inline struct ring *ring_of(u32 offset)
{
	u32 stride = 4u << NVME_CAP_DSTRD(device.cap);
	u32 index = (offset - 0x1000) / stride;

	assert_int_equal((offset - 0x1000) % stride, 0);
	assert_true(index / 2 < QUEUES);
	return index % 2 ? &device.cq[index / 2] : &device.sq[index / 2];
}

static inline void post(u32 sqid, u16 id, u16 status, u32 result)
{
	struct ring *sq = &device.sq[sqid];
	struct ring *cq = &device.cq[sq->cq];
	struct nvme_completion *c = memory(cq->base);

	assert_true(cq->entries != 0);
	c[cq->at] = (struct nvme_completion){
		.result = result,
		.sq_head = (u16)sq->at,
		.sq_id = (u16)sqid,
		.id = id,
		.status = (u16)(status << 1 | cq->phase),
	};
	if (++cq->at == cq->entries) {
		cq->at = 0;
		cq->phase = !cq->phase;
	}
}

static inline void put32(u8 *at, u32 v)
{
	memcpy(at, &v, 4);
}

static inline void identify_controller(u8 *p)
{
	memcpy(p + 4, "SERIAL-1            ", 20);
	memcpy(p + 24, "A made-up controller\x01                   ", 40);
	p[77] = device.mdts;
	put32(p + 516, 9);
	p[520] = (u8)device.oncs;
	p[525] = device.vwc;
}

static inline void identify_namespace(u8 *p, u32 nsid)
{
	for (u32 i = 0; i < 4; i++) {
		if (device.namespaces[i] != nsid)
			continue;
		put32(p, (u32)(DISK_BYTES >> (device.format >> 16)));
		p[25] = 1;
		p[26] = 1;
		put32(p + 132, device.format);
	}
}

static inline u16 identify(const struct nvme_command *c)
{
	u8 *p = memory(c->prp1);
	u32 n = 0;

	assert_int_equal(c->prp1 % 4096, 0);
	memset(p, 0, 4096);
	if (c->dw10 == 1)
		identify_controller(p);
	else if (c->dw10 == 0)
		identify_namespace(p, c->nsid);
	else if (device.admin_fails & BIT(31))
		return 2;
	else
		for (u32 i = 0; i < 4; i++)
			if (device.namespaces[i] != 0)
				put32(p + 4 * n++, device.namespaces[i]);
	return 0;
}

static inline u16 create(const struct nvme_command *c, bool cq)
{
	u32 id = c->dw10 & 0xffff;
	struct ring *r = cq ? &device.cq[id] : &device.sq[id];

	assert_in_range(id, 1, QUEUES - 1);
	assert_int_equal(r->entries, 0);
	assert_int_equal(c->prp1 % 4096, 0);
	assert_true(c->dw11 & 1);
	*r = (struct ring){ .base = c->prp1, .entries = (c->dw10 >> 16) + 1, .phase = true };
	assert_true(r->entries <= NVME_CAP_MQES(device.cap));
	if (cq) {
		assert_true(c->dw11 & 2);
		r->vector = c->dw11 >> 16;
		assert_true(r->vector < device.vectors);
	} else {
		r->cq = c->dw11 >> 16;
		assert_true(device.cq[r->cq].entries != 0);
	}
	return 0;
}

static inline void admin(const struct nvme_command *c)
{
	u16 status = 0;
	u32 result = 0;

	if (device.admin_fails & BIT(c->opcode))
		status = 2;
	else if (c->opcode == 6)
		status = identify(c);
	else if (c->opcode == 9)
		result = (device.queues_granted - 1) * 0x10001;
	else if (c->opcode == 5 || c->opcode == 1)
		status = create(c, c->opcode == 5);
	else
		fail();
	post(0, c->id, status, result);
}

/* Bytes @at of what the PRPs of @c name, in pages. */
static inline u8 *data_at(const struct nvme_command *c, u64 at, u64 bytes)
{
	u64 first = c->prp1 % 4096;
	u64 page = (first + at) / 4096;
	u64 pages_used = (first + bytes + 4095) / 4096;
	const u64 *list = memory(c->prp2);
	u64 gpa;

	if (page == 0)
		return memory(c->prp1 + at);
	gpa = pages_used == 2 ? c->prp2 : list[page - 1];
	assert_int_equal(gpa % 4096, 0);
	if (pages_used > 2)
		assert_int_equal(c->prp2 / 4096, (c->prp2 + (pages_used - 1) * 8 - 1) / 4096);
	return memory(gpa + (first + at) % 4096);
}

static inline u16 transfer(const struct nvme_command *c)
{
	u32 shift = device.format >> 16;
	u64 first = c->dw10 | (u64)c->dw11 << 32;
	u64 bytes = (u64)((c->dw12 & 0xffff) + 1) << shift;

	assert_int_equal(c->prp1 % 4, 0);
	if ((first << shift) + bytes > DISK_BYTES)
		return 0x80;
	if (device.mdts != 0)
		assert_true(bytes <= 4096ull << device.mdts);
	for (u64 at = 0; at < bytes; at += 4) {
		u8 *disk = device.disk + (first << shift) + at;
		u8 *data = data_at(c, at, bytes);

		memcpy(c->opcode == 1 ? disk : data, c->opcode == 1 ? data : disk, 4);
	}
	device.fuas += (c->dw12 >> 30) & 1;
	return 0;
}

static inline void io(u32 sqid, const struct nvme_command *c)
{
	u16 status = 0;

	device.io_nsid = c->nsid;
	if (device.status != 0)
		status = device.status;
	else if (c->opcode == 0)
		device.flushes++;
	else if (c->opcode == 9)
		memcpy(&device.dropped, memory(c->prp1), 16);
	else
		status = transfer(c);
	if (c->opcode == 9 && device.status == 0)
		assert_int_equal(c->dw10 | c->dw11, 4);
	post(sqid, c->id, status, 0);
}

static inline void fetch(u32 sqid)
{
	struct ring *sq = &device.sq[sqid];
	const struct nvme_command *c = memory(sq->base);

	c += sq->at;
	sq->at = (sq->at + 1) % sq->entries;
	if (sqid == 0) {
		admin(c);
	} else if (device.held) {
		device.kept_queue[device.kept_count] = sqid;
		device.kept[device.kept_count++] = *c;
	} else {
		io(sqid, c);
	}
}

static inline void device_run(void)
{
	if (!(device.csts & 1) || device.silent)
		return;
	for (u32 i = 0; i < QUEUES; i++)
		while (device.sq[i].entries != 0 && device.sq[i].at != device.sq[i].bell &&
			!(i != 0 && device.silent_io))
			fetch(i);
}

static inline void set_config(u32 v)
{
	bool was = device.cc & 1;

	device.cc = v;
	if ((v & 1) && !was && !device.never_ready) {
		assert_int_equal(v, 1 | 6 << 16 | 4 << 20);
		memset(device.sq, 0, sizeof(device.sq));
		memset(device.cq, 0, sizeof(device.cq));
		device.sq[0] = (struct ring){ device.asq, (device.aqa & 0xfff) + 1, .phase = true };
		device.cq[0] = (struct ring){ device.acq, (device.aqa >> 16) + 1, .phase = true };
		assert_int_equal((device.asq | device.acq) % 4096, 0);
		device.csts |= 1;
		device.intms = 0;
	}
	if (!(v & 1) && was && !device.never_off) {
		device.csts = 0;
		device.resets++;
	}
	if ((v & 1 << 14) && !device.never_shut)
		device.csts |= 2 << 2;
}

static inline u64 reg_load(const volatile void *p, u32 size)
{
	u32 reg = (u32)((u64)p - REGS);

	assert_int_equal(size, 4);
	switch (reg) {
	case 0x00:
		return (u32)device.cap;
	case 0x04:
		return device.cap >> 32;
	case 0x14:
		return device.cc;
	case 0x1c:
		return device.csts;
	}
	fail();
	return 0;
}

static inline void reg_store(volatile void *p, u32 size, u64 v)
{
	u32 reg = (u32)((u64)p - REGS);

	assert_int_equal(size, 4);
	switch (reg) {
	case 0x0c:
		device.intms |= (u32)v;
		break;
	case 0x10:
		device.intms &= ~(u32)v;
		break;
	case 0x14:
		set_config((u32)v);
		break;
	case 0x24:
		device.aqa = (u32)v;
		break;
	case 0x28:
		device.asq = v;
		break;
	case 0x2c:
		device.asq = (u32)device.asq | v << 32;
		break;
	case 0x30:
		device.acq = v;
		break;
	case 0x34:
		device.acq = (u32)device.acq | v << 32;
		break;
	default:
		assert_true(ring_of(reg)->entries > v);
		ring_of(reg)->bell = (u32)v;
	}
}

volatile void *pci_map(const struct pci_device *dev, u32 bar, u64 offset, u64 size)
{
	assert_int_equal(bar, 0);
	return offset + size <= dev->bar[0].size ? (volatile void *)(REGS + offset) : NULL;
}

void pci_command(const struct pci_device *dev, u16 set, u16 clear)
{
	(void)dev;
	command_register = (u16)((command_register & ~clear) | set);
}

const char *pci_name(const struct pci_device *dev, char *text)
{
	(void)dev;
	return strcpy(text, "0000:00:02.0");
}

u32 pci_irq_count(const struct pci_device *dev)
{
	(void)dev;
	return device.vectors;
}

bool pci_irq_is_shared(const struct pci_device *dev)
{
	(void)dev;
	return device.pin;
}

int pci_irq_request(struct pci_device *dev, u32 index, u32 vp, irq_handler handler, void *ctx)
{
	(void)dev;
	assert_true(index < device.vectors);
	irqs[index].handler = handler;
	irqs[index].ctx = ctx;
	irqs[index].vp = vp;
	return 0;
}

void pci_irq_release(struct pci_device *dev)
{
	(void)dev;
	memset(irqs, 0, sizeof(irqs));
}

void work_init(struct work *w, void (*run)(struct work *w))
{
	*w = (struct work){ .run = run };
}

void work_ask(struct work *w)
{
	if (!w->asked)
		works[work_count++] = w;
	w->asked = true;
}

/* One round, as the VPs' tasks do it. */
static inline void run_work(void)
{
	struct work *round[QUEUES * 2];
	u32 count = work_count;

	memcpy(round, works, sizeof(works));
	work_count = 0;
	for (u32 i = 0; i < count; i++) {
		round[i]->asked = false;
		round[i]->run(round[i]);
	}
}

static inline void interrupt(u32 vector)
{
	fake_irq_on = false;
	irqs[vector].handler(irqs[vector].ctx);
	fake_irq_on = true;
}

/* The controller works, interrupts, and its answers are taken. */
static inline void serve(void)
{
	device_run();
	for (u32 i = 0; i < QUEUES; i++)
		if (irqs[i].handler != NULL)
			interrupt(i);
	while (work_count > 0)
		run_work();
}

u64 time_ns(void)
{
	return now;
}

static void (*on_sleep)(void); /* may be NULL */

void task_sleep_ns(u64 ns)
{
	assert_true(fake_irq_on);
	now += ns;
	if (on_sleep != NULL)
		on_sleep();
	device_run();
}

void mutex_init(struct mutex *m)
{
	*m = (struct mutex){ .held = false };
}

void mutex_lock(struct mutex *m)
{
	assert_false(m->held);
	m->held = true;
}

void mutex_unlock(struct mutex *m)
{
	m->held = false;
}

void *kzalloc(size_t size)
{
	if (memory_left == 0)
		return NULL;
	memory_left--;
	objects++;
	return calloc(1, size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

u32 page_order(u64 size)
{
	u32 order = 0;

	while ((4096ull << order) < size)
		order++;
	return order;
}

void *page_alloc(u32 order)
{
	void *p;

	if (memory_left == 0)
		return NULL;
	memory_left--;
	pages++;
	p = aligned_alloc(4096ul << order, 4096ul << order);
	memset(p, 0xa5, 4096ul << order);
	return p;
}

void *page_alloc_zeroed(u32 order)
{
	void *p = page_alloc(order);

	return p != NULL ? memset(p, 0, 4096ul << order) : NULL;
}

int page_free(void *p, u32 order)
{
	/* Whatever the controller still does with it, the sanitizer sees. */
	(void)order;
	pages--;
	free(p);
	return 0;
}

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
	log_lines++;
}

int block_register(struct block_device *d, bool cd)
{
	assert_false(cd);
	if (register_answer != 0)
		return register_answer;
	blocks[block_count++] = d;
	return 0;
}

void block_ask_recover(struct block_device *d)
{
	assert_ptr_equal(d->ops, &nvme_block_ops);
	asked_recover++;
}

void block_piece_done(struct block_device *d, u32 queue, u32 tag, int error)
{
	assert_true(queue < d->queue_count && tag < d->depth);
	ended[ended_count].d = d;
	ended[ended_count].queue = queue;
	ended[ended_count].tag = tag;
	ended[ended_count++].error = error;
}

/* As the layer does: one start, under a lock; the doorbell apart. */
static inline void start(struct block_device *d, u32 queue, u32 tag, struct block_piece *p)
{
	p->tag = tag;
	fake_irq_on = false;
	d->ops->start(d, queue, p);
	fake_irq_on = true;
}

static inline void kick(struct block_device *d, u32 queue)
{
	fake_irq_on = false;
	d->ops->kick(d, queue);
	fake_irq_on = true;
}

static inline void flush(struct block_device *d, u32 queue, u32 tag)
{
	struct block_piece p = { .op = BLOCK_FLUSH };

	start(d, queue, tag, &p);
	kick(d, queue);
}

/* Contiguous memory; returns how it ended. */
static inline int transfer_piece(struct block_device *d, struct block_piece *p)
{
	u32 before = ended_count;

	start(d, 0, 5, p);
	kick(d, 0);
	serve();
	assert_int_equal(ended_count, before + 1);
	assert_int_equal(ended[before].tag, 5);
	ended_count = before;
	return ended[before].error;
}

static int setup(void **state)
{
	u8 *disk = device.disk;

	(void)state;
	fake_on_mmio_load = reg_load;
	fake_on_mmio_store = reg_store;
	if (disk == NULL)
		disk = malloc(DISK_BYTES);
	device = (struct device){
		.cap = 0x3ff | 2ull << 24 | 1ull << 32 | BIT(37),
		.mdts = 7,
		.vwc = 1,
		.oncs = 4,
		.namespaces = { 1 },
		.format = 9 << 16,
		.queues_granted = 4,
		.vectors = 4,
		.disk = disk,
	};
	pci = (struct pci_device){ .class_code = 1, .subclass = 8, .interface = 2 };
	pci.bar[0] = (struct pci_bar){ PCI_BAR_MEMORY, 0xfe000000, 0x4000 };
	memset(irqs, 0, sizeof(irqs));
	memory_left = ~0u;
	now = 0;
	cpu_count = 2;
	command_register = 0;
	block_count = ended_count = work_count = asked_recover = log_lines = 0;
	register_answer = 0;
	return 0;
}

/* The driver has no end: what it keeps is given back here. */
static inline void drop_controller(void)
{
	struct nvme *n;

	if (irqs[0].ctx == NULL)
		return;
	n = ((struct nvme_queue *)irqs[0].ctx)->nvme;
	for (u32 i = 0; i < n->io_count; i++)
		nvme_queue_free(&n->io[i]);
	for (u32 i = 0; i < n->namespace_count; i++)
		kfree(n->namespaces[i]);
	nvme_queue_free(&n->admin);
	kfree(n->io);
	(void)page_free(n->page, 0);
	kfree(n);
	memset(irqs, 0, sizeof(irqs));
}

static int teardown(void **state)
{
	(void)state;
	drop_controller();
	assert_int_equal(objects, 0);
	assert_int_equal(pages, 0);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
