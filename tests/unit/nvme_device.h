/* SPDX-License-Identifier: MIT */
/*
 * A made-up NVMe controller for host tests. It works when device_run() is called,
 * checks what it is given, and misbehaves as it is told. GPAs are addresses of the
 * host, so that the sanitizer sees what it touches. Included by nvme_machine.h.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/drivers/nvme/nvme_regs.h"

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
	u32 pairs_left;  /* how many more it creates at a time; 0: any number */
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
	if (device.pairs_left != 0 && id > device.pairs_left)
		return 1 << 8 | 1;
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
