/* SPDX-License-Identifier: MIT */
/*
 * The controller as a whole: its registers, off and on. Each wait is bounded by
 * what it says it needs, and by us. Tasks.
 * NVM Express 1.4, 3.1, 7.6.
 */
#include "base/errno.h"
#include "hv/vpset.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/mmio.h"

#define READY_UNIT_NS (500 * NS_PER_MS)
#define READY_MAX_NS  (20 * NS_PER_S)
#define SHUTDOWN_NS   (5 * NS_PER_S)
#define LOOK_NS       (100 * NS_PER_US)

static u32 reg_read(const struct nvme *n, u32 reg)
{
	return mmio_read32(n->regs + reg);
}

static void reg_write(const struct nvme *n, u32 reg, u32 v)
{
	mmio_write32(n->regs + reg, v);
}

static void reg_write64(const struct nvme *n, u32 reg, u64 v)
{
	reg_write(n, reg, (u32)v);
	reg_write(n, reg + 4, (u32)(v >> 32));
}

static int wait_status(const struct nvme *n, u32 mask, u32 want, u64 limit_ns)
{
	u64 deadline = time_ns() + limit_ns;

	for (;;) {
		u32 status = reg_read(n, NVME_CSTS);

		if (status == NVME_GONE)
			return -ENODEV;
		if ((status & mask) == want)
			return 0;
		if (want != 0 && (status & NVME_CSTS_FATAL))
			return -EIO;
		if (time_ns() >= deadline)
			return -ETIMEDOUT;
		task_sleep_ns(LOOK_NS);
	}
}

static u64 ready_limit(const struct nvme *n)
{
	u64 limit = NVME_CAP_TO(n->cap) * READY_UNIT_NS;

	return MIN(MAX(limit, READY_UNIT_NS), READY_MAX_NS);
}

int nvme_disable(struct nvme *n)
{
	reg_write(n, NVME_CC, reg_read(n, NVME_CC) & ~(u32)NVME_CC_ENABLE);
	return wait_status(n, NVME_CSTS_READY, 0, ready_limit(n));
}

int nvme_enable(struct nvme *n)
{
	u32 entries = n->admin.entries - 1;
	int error;

	nvme_queue_reset(&n->admin);
	reg_write(n, NVME_AQA, entries << 16 | entries);
	reg_write64(n, NVME_ASQ, gpa_of(n->admin.sq).a);
	reg_write64(n, NVME_ACQ, gpa_of(n->admin.cq).a);
	if (n->pin)
		reg_write(n, NVME_INTMS, ~0u);
	reg_write(n, NVME_CC, (u32)NVME_CC_ENABLE | NVME_CC_ENTRIES);
	error = wait_status(n, NVME_CSTS_READY, NVME_CSTS_READY, ready_limit(n));
	/* Once more: the mask may be as after a reset. */
	if (n->pin)
		reg_write(n, NVME_INTMS, ~0u);
	return error;
}

/* What its cache holds reaches the medium. */
void nvme_shutdown(struct nvme *n)
{
	u32 config = reg_read(n, NVME_CC);

	if (config == NVME_GONE || !(config & NVME_CC_ENABLE))
		return;
	reg_write(n, NVME_CC, (config & ~NVME_CC_SHUTDOWN_MASK) | NVME_CC_SHUTDOWN);
	(void)wait_status(n, NVME_CSTS_SHUTDOWN_MASK, NVME_CSTS_SHUTDOWN, SHUTDOWN_NS);
}

/* With the bells of as many pairs as there can be, if the BAR has room for them. */
static u64 regs_size(const struct nvme *n)
{
	u64 bells = (u64)(HV_MAX_PROCESSORS + 1) * 2 * (4u << NVME_CAP_DSTRD(n->cap));

	return MIN(n->pci->bar[0].size, NVME_BELLS + bells);
}

int nvme_map(struct nvme *n)
{
	n->regs = pci_map(n->pci, 0, 0, NVME_REGS_SIZE);
	if (n->regs == NULL)
		return -ENODEV;
	n->cap = reg_read(n, NVME_CAP_LOW) | (u64)reg_read(n, NVME_CAP_HIGH) << 32;
	if (n->cap == ~0ull)
		return -ENODEV;
	if (!(n->cap & NVME_CAP_NVM) || NVME_CAP_MPSMIN(n->cap) != 0 || NVME_CAP_MQES(n->cap) < 2)
		return -ENOTSUP;
	n->regs_size = regs_size(n);
	n->regs = pci_map(n->pci, 0, 0, n->regs_size);
	return n->regs != NULL ? 0 : -ENODEV;
}
