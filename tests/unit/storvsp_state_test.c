/* SPDX-License-Identifier: MIT */
/*
 * A SCSI controller that is saved and made anew again and again, while a guest sends I/O at random by several channels that it
 * opens and closes: each request is answered once, and all data is where it belongs.
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c vmbus/server_state.c vmbus/server.c vmbus/server_messages.c
 * sources: vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c lib/guid.c
 */
#include "tests/unit/storvsp_state_machine.h"

/* What was met, so that the test can say that it was. */
static struct {
	u32 saved, gave_up, went_on, closing, answers, packets, half_told, rescinded, subchannels,
		wanted;
} met;

static void look_at_channel(const struct storvsp_channel *ch)
{
	if (ch == NULL)
		return;
	met.rescinded += ch->c.state == VMBUS_CHANNEL_RESCINDED;
	if (ch->c.state != VMBUS_CHANNEL_OPEN)
		return;
	met.answers += ch->waiting > 0;
	met.packets += ch->has_packet;
	met.subchannels += ch->index > 0;
}

static void look(void)
{
	met.saved++;
	met.wanted += controller.wanted != 0;
	for (u32 i = 0; i < LANES; i++)
		look_at_channel(controller.channels[i]);
	list_for_each(l, &s.gpadls.list)
	{
		const struct vmbus_gpadl *g = list_entry(l, struct vmbus_gpadl, link);

		met.half_told += g->filled < g->pages;
	}
}

/* False: a request does not end for as long as there is patience. */
static bool stop(void)
{
	u32 patience = any(4) ? ~0u : any(10);
	int r;

	for (u32 i = 0; i < LANES; i++)
		met.closing += controller.channels[i] != NULL &&
			       controller.channels[i]->c.state == VMBUS_CHANNEL_CLOSING;
	while ((r = vmbus_server_stop(&s)) == -EBUSY && patience-- > 0) {
		attends = 0;
		assert_true(disk_step(&disks[0]));
		/* Whoever waits is told of the last one. */
		assert_true(disks[0].count > 0 || attends > 0);
	}
	assert_true(r == 0 || (r == -EBUSY && disks[0].count > 0));
	return r == 0;
}

static void save_and_load(void)
{
	if (!stop()) {
		met.gave_up++;
		vmbus_server_start(&s);
		return;
	}
	look();
	save();
	if (any(4) == 0) {
		met.went_on++;
		vmbus_server_start(&s);
		return;
	}
	replace();
	assert_int_equal(load(size), 0);
	/* Nothing runs before it is let in. */
	for (u32 i = 0; i < LANES; i++)
		signalled(i);
	assert_int_equal(disks[0].count, 0);
	vmbus_server_start(&s);
}

static void close_lane(struct lane *l)
{
	const struct vmbus_gpadl_teardown m = { { .type = VMBUS_GPADL_TEARDOWN }, l->relid,
		l->gpadl };

	l->state = CLOSING;
	l->rescinded = false;
	if (l == &lanes[0])
		step = 0;
	post_relid(VMBUS_CLOSE_CHANNEL, l->relid);
	post(&m, sizeof(m));
}

/*
 * Something; @phase: what is done at all for a while, so that rings fill up and requests pile up; @busy: the lane that most
 * is done by.
 */
static void any_step(u32 phase, u32 busy)
{
	struct lane *l = &lanes[any(3) ? busy : any(LANES)];

	switch (any(8)) {
	case 0:
		take_message();
		break;
	case 1:
		lane_step(l);
		break;
	case 2:
		run_due();
		break;
	case 3:
		if (phase & 1)
			(void)disk_step(&disks[0]);
		break;
	case 4:
	case 5:
		if (phase & 2)
			take_answer(l);
		break;
	default:
		job_begin(&jobs[any(JOBS)], l, any(30) == 0);
		break;
	}
}

static void maybe_close(void)
{
	struct lane *l = &lanes[any(8) ? 1 + any(LANES - 1) : 0];

	if (l->state == OPEN && any(3) == 0)
		close_lane(l);
}

static void at_random(void **state)
{
	(void)state;
	for (u32 round = 0; round < 2000; round++) {
		u32 phase = any(4), busy = any(LANES), steps = 20 + any(400);

		for (u32 i = 0; i < steps; i++)
			any_step(phase, busy);
		if (any(6) == 0)
			maybe_close();
		save_and_load();
		if (round % 50 == 49)
			settle();
	}
	settle();
	assert_true(answered > 20000 && lost > 100);
	assert_true(answered + lost == next_id - 1);
	assert_true(met.saved > 1000 && met.went_on > 100 && met.gave_up > 100 && met.closing > 20);
	assert_true(met.answers > 50 && met.packets > 100 && met.half_told > 5);
	assert_true(met.rescinded > 5 && met.subchannels > 1000 && met.wanted > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_random, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
