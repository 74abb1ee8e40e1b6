/* SPDX-License-Identifier: MIT */
/*
 * The owner of such a controller, who saves it and makes it anew, and loses what he can: signals, calls that were due, offers that
 * were to be made.
 */
#pragma once

#include "tests/unit/storvsp_lanes.h"
#include "vmbus/server_state.h"
#include "vsp/storvsp/storvsp_impl.h"
#include "vsp/storvsp/storvsp_state.h"

#define STATE_MAX 65536u

static const struct guid instance = { { 1 } };

static void signalled(u32 i)
{
	struct storvsp_channel *ch = controller.channels[i];

	lanes[i].signal_due = false;
	if (ch != NULL && ch->c.state == VMBUS_CHANNEL_OPEN)
		vmbus_server_signalled(&ch->c);
	attend();
}

static void run_due(void)
{
	bool all = agains > 0;

	agains = 0;
	for (u32 i = 0; i < LANES; i++) {
		if (all || lanes[i].signal_due)
			signalled(i);
	}
	/* Not always at once. */
	if (wanted == 0 || any(12) != 0)
		return;
	storvsp_offer_channels(&controller, wanted);
	wanted = 0;
}

static void make(void)
{
	vmbus_server_init(&s, &host, VPS);
	assert_int_equal(
		storvsp_create(&controller, &storvsp_host, &s, &instance, 64, LANES - 1), 0);
	assert_int_equal(storvsp_set_lun(&controller, 0, &disks[0].d), 0);
	assert_int_equal(storvsp_set_lun(&controller, 5, &disks[1].d), 0);
}

static void end(void)
{
	if (!vmbus_server_end(&s))
		attend();
	attends = 0;
	assert_true(objects == 0 && connections == 0 && locks == 0);
}

static u8 bytes[STATE_MAX];
static u64 size;

static void save(void)
{
	struct vmbus_state_writer w = { .room = 0 };

	assert_int_equal(vmbus_server_save(&s, &w), -ENOSPC);
	size = w.size;
	assert_true(size <= sizeof(bytes));
	w = (struct vmbus_state_writer){ .to = bytes, .room = size };
	assert_int_equal(vmbus_server_save(&s, &w), 0);
	assert_true(w.size == size);
}

static u8 kept[RAM_PAGES][4096];

/* The first one ends, and what it does to the guest's memory by that is not seen; nothing that was due is done. */
static void replace(void)
{
	u32 messages = sent_count;

	memcpy(kept, ram, sizeof(ram));
	assert_int_equal(disks[0].count, 0);
	end();
	memcpy(ram, kept, sizeof(ram));
	sent_count = messages;
	agains = wanted = 0;
	for (u32 i = 0; i < LANES; i++)
		lanes[i].signal_due = false;
	make();
}

/* From exactly so much memory, that the sanitizer sees who reads beyond it. */
static int load(u64 length)
{
	void *copy = malloc(length > 0 ? length : 1);
	int error;

	memcpy(copy, bytes, length);
	error = vmbus_server_load(&s, copy, length);
	free(copy);
	return error;
}

static int setup(void **state)
{
	static const struct vmbus_contact contact = { { .type = VMBUS_INITIATE_CONTACT },
		VMBUS_VERSION_5_3, 1, 2, 0, 0 };
	static const struct vmbus_header request = { .type = VMBUS_REQUEST_OFFERS };

	(void)state;
	sent_count = taken = connections = attends = interrupts = agains = wanted = step = 0;
	no_memory = asked = false;
	next_gpadl = 100;
	next_id = 1;
	answered = lost = 0;
	seed = 1;
	memset(lanes, 0, sizeof(lanes));
	memset(jobs, 0, sizeof(jobs));
	memset(model, 0, sizeof(model));
	memset(ram, 0, sizeof(ram));
	(void)disk_init(0);
	(void)disk_init(1);
	make();
	post(&contact, sizeof(contact));
	post(&request, sizeof(request));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (disk_step(&disks[0]))
		;
	end();
	return 0;
}

static u32 busy_jobs(void)
{
	u32 count = 0;

	for (u32 i = 0; i < JOBS; i++)
		count += jobs[i].busy;
	return count;
}

/* All that there is to be done is done. */
static void settle(void)
{
	for (u32 i = 0; i < 3000; i++) {
		take_message();
		for (u32 k = 0; k < LANES; k++) {
			if (lanes[k].state != OPEN || step < 5)
				lane_step(&lanes[k]);
			take_answer(&lanes[k]);
		}
		(void)disk_step(&disks[0]);
		run_due();
	}
	assert_true(busy_jobs() == 0 && !asked);
	assert_memory_equal(disks[0].bytes, model, JOBS * JOB_SECTORS * 512);
}
