/* SPDX-License-Identifier: MIT */
/*
 * Admin commands: while a controller is set up, one at a time, answered to a
 * task that looks for the answer, so that none depends on an interrupt.
 * NVM Express 1.4, chapter 5.
 */
#include "base/errno.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define ADMIN_LIMIT_NS (5 * NS_PER_S)
#define LOOK_NS        (50 * NS_PER_US)

static bool pop(struct nvme_queue *q, struct nvme_completion *out)
{
	bool there = nvme_queue_pop(q, out);

	nvme_queue_ring_head(q);
	return there;
}

int nvme_admin(struct nvme *n, const struct nvme_command *c, u32 *result)
{
	struct nvme_completion answer;
	struct nvme_command command = *c;
	u64 deadline = time_ns() + ADMIN_LIMIT_NS;

	command.id = (u16)n->admin.tail;
	nvme_queue_push(&n->admin, &command);
	nvme_queue_ring(&n->admin);
	while (!pop(&n->admin, &answer)) {
		if (time_ns() >= deadline)
			return -ETIMEDOUT;
		task_sleep_ns(LOOK_NS);
	}
	if (answer.id != command.id || answer.sq_id != 0)
		return -EIO;
	*result = answer.result;
	return nvme_error(answer.status);
}

int nvme_identify(struct nvme *n, u32 what, u32 nsid)
{
	const struct nvme_command c = {
		.opcode = NVME_ADMIN_IDENTIFY,
		.nsid = nsid,
		.prp1 = gpa_of(n->page).a,
		.dw10 = what,
	};
	u32 result;

	return nvme_admin(n, &c, &result);
}

int nvme_set_queues(struct nvme *n, u32 count, u32 *granted)
{
	const struct nvme_command c = {
		.opcode = NVME_ADMIN_SET_FEATURES,
		.dw10 = NVME_FEATURE_QUEUES,
		.dw11 = (count - 1) << 16 | (count - 1),
	};
	u32 result;
	int error = nvme_admin(n, &c, &result);

	if (error == 0)
		*granted = MIN(count, MIN(result & 0xffff, result >> 16) + 1);
	return error;
}

static int create(
	struct nvme *n, u8 opcode, const struct nvme_queue *q, const void *ring, u32 flags)
{
	const struct nvme_command c = {
		.opcode = opcode,
		.prp1 = gpa_of(ring).a,
		.dw10 = (q->entries - 1) << 16 | q->id,
		.dw11 = flags | NVME_QUEUE_CONTIGUOUS,
	};
	u32 result;

	return nvme_admin(n, &c, &result);
}

int nvme_create_pair(struct nvme *n, struct nvme_queue *q)
{
	int error;

	nvme_queue_reset(q);
	error = create(
		n, NVME_ADMIN_CREATE_CQ, q, q->cq, (q->id - 1) << 16 | NVME_QUEUE_INTERRUPTS);
	return error != 0 ? error : create(n, NVME_ADMIN_CREATE_SQ, q, q->sq, q->id << 16);
}
