/* SPDX-License-Identifier: MIT */
/*
 * A SCSI controller's saved state with all that can wait in it: what comes of it, and what of it in a machine with other disks,
 * or when it is cut short or damaged.
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c vmbus/server_state.c vmbus/server.c vmbus/server_messages.c
 * sources: vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c lib/guid.c
 */
#include "tests/unit/storvsp_state_machine.h"

/*
 * The first lane with all that can be left: as many answers in the ring as it holds and more that wait, a reset that waits
 * for those, requests behind it in the ring; a disk that the guest was not told of.
 */
static void make_waiting(void)
{
	settle();
	assert_true(is_ready() && lanes[1].state == OPEN && lanes[2].state == OPEN);
	for (u32 i = 0; i < IN_ANSWERS + 4; i++)
		job_begin(&jobs[i], &lanes[0], false);
	signalled(0);
	while (disk_step(&disks[0]))
		;
	job_begin(&jobs[60], &lanes[0], true);
	for (u32 i = 61; i < 64; i++)
		job_begin(&jobs[i], &lanes[0], false);
	assert_int_equal(storvsp_set_lun(&controller, 5, NULL), 0);
	assert_int_equal(storvsp_set_lun(&controller, 5, &disks[1].d), 0);
	signalled(0);
	assert_int_equal(vmbus_server_stop(&s), 0);
	assert_true(controller.channels[0]->waiting == 4 && controller.channels[0]->has_packet);
	assert_true(controller.channels[0]->look_again && busy_jobs() == IN_ANSWERS + 8);
	save();
}

static void what_waits(void **state)
{
	struct lane *l = &lanes[0];
	struct vmbus_packet packet;
	u8 buf[128];

	(void)state;
	make_waiting();
	replace();
	assert_int_equal(load(size), 0);
	vmbus_server_start(&s);
	assert_true(agains > 0);
	for (u32 i = 0; i < IN_ANSWERS; i++)
		take_answer(l);
	run_due();
	for (u32 i = 0; i < 4; i++)
		take_answer(l);
	assert_int_equal(busy_jobs(), 4);
	/* Then the guest is told to look; the reset is alone, and what was behind it comes. */
	assert_int_equal(vmbus_ring_read(&l->in, &packet, buf, sizeof(buf)), 1);
	assert_true(packet.type == VMBUS_PACKET_INBAND && packet.transaction == 0);
	settle();
	assert_int_equal(answered, IN_ANSWERS + 8);
}

/* Where the first lane's channel has its own: behind the bus, three GPADLs and its record. */
#define FIRST_LANE (28 + 3 * (36 + 8 * RING_PAGES) + 192)

/* The guest asked for sub-channels, and whoever was to offer them is no more. */
static void offers_that_were_due(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3000 && controller.wanted == 0; i++) {
		take_message();
		lane_step(&lanes[0]);
		signalled(0);
		take_answer(&lanes[0]);
	}
	assert_true(controller.wanted == 2 && wanted == 2);
	assert_int_equal(vmbus_server_stop(&s), 0);
	save();
	replace();
	assert_int_equal(load(size), 0);
	assert_int_equal(wanted, 0);
	vmbus_server_start(&s);
	assert_int_equal(wanted, 2);
	settle();
	assert_true(lanes[1].state == OPEN && lanes[2].state == OPEN && controller.wanted == 0);
}

/* The packet that waits is longer: as long as one may be, and then longer than what there is room for. */
static void long_packets(void **state)
{
	static u8 rest[STATE_MAX];
	const u64 at = FIRST_LANE + 16, end = at + 20 + 80;
	u64 rest_size;

	(void)state;
	make_waiting();
	rest_size = size - end;
	memcpy(rest, bytes + end, rest_size);
	replace();
	for (u32 more = 0; more < 2; more++) {
		u32 length = STORVSP_PACKET_MAX + 8 * more, all;

		memcpy(&all, bytes + FIRST_LANE - 4, 4);
		all += length - (more == 0 ? 80 : STORVSP_PACKET_MAX);
		memcpy(bytes + FIRST_LANE - 4, &all, 4);
		memcpy(bytes + at + 8, &length, 4);
		memset(bytes + end, 0, length - 80);
		memcpy(bytes + end + length - 80, rest, rest_size);
		size = end + length - 80 + rest_size;
		assert_int_equal(load(size), more == 0 ? 0 : -EINVAL);
		if (more == 0)
			replace();
	}
}

/* The format of what that is, by numbers. */
static void format(void **state)
{
	static const u32 head[] = { 1, 1, 1, 4 }, packet[] = { 6, 16, 80, 51, 0 };
	static const u32 answer[] = { 0, 1, 1, 0 };
	static const u32 tail[] = { 4, 0, 6, 2, 0, 512, SECTORS, 0, 0, 1 };
	u64 at = FIRST_LANE;

	(void)state;
	make_waiting();
	assert_memory_equal(bytes + at, head, 16);
	assert_memory_equal(bytes + at + 16, packet, 20);
	/* The packet as it was read: its descriptor, and what it asks for. */
	assert_memory_equal(bytes + at + 36, ((const u16[]){ 6, 2, 10, 0 }), 8);
	assert_memory_equal(bytes + at + 52, &(u32){ VSTOR_RESET_BUS }, 4);
	at += 36 + 80;
	for (u32 i = 0; i < 4; i++, at += 72)
		assert_memory_equal(bytes + at + 4, answer, 16);
	assert_memory_equal(bytes + at, tail, sizeof(tail));
}

/* The machine that it is loaded in has other disks, or less than it had. */
static void other_machines(void **state)
{
	static const struct guid other = { { 2 } };

	(void)state;
	make_waiting();
	replace();
	assert_int_equal(storvsp_set_lun(&controller, 5, NULL), 0);
	assert_int_equal(load(size), -ENODEV);
	assert_int_equal(storvsp_set_lun(&controller, 6, &disks[1].d), 0);
	assert_int_equal(load(size), -ENODEV);
	assert_int_equal(storvsp_set_lun(&controller, 5, &disks[1].d), 0);
	assert_int_equal(load(size), -ENODEV);
	assert_int_equal(storvsp_set_lun(&controller, 6, NULL), 0);
	disks[1].d.id[3]++;
	assert_int_equal(load(size), -ENODEV);
	disks[1].d.id[3]--;
	disks[1].d.sectors--;
	assert_int_equal(load(size), -ENODEV);
	disks[1].d.sectors++;
	disks[1].d.read_only = true;
	assert_int_equal(load(size), -ENODEV);
	disks[1].d.read_only = false;
	/* Sub-channels that it does not have; another controller. */
	controller.max_subchannels = 1;
	assert_int_equal(load(size), -EINVAL);
	controller.max_subchannels = LANES - 1;
	controller.channels[0]->c.instance = other;
	assert_int_equal(load(size), -ENODEV);
	controller.channels[0]->c.instance = instance;
	/* Nothing of all that is left: the next one goes on. */
	assert_int_equal(load(size), 0);
	vmbus_server_start(&s);
	for (u32 i = 0; i < IN_ANSWERS; i++)
		take_answer(&lanes[0]);
	run_due();
	for (u32 i = 0; i < 4; i++)
		take_answer(&lanes[0]);
	assert_int_equal(busy_jobs(), 4);
}

/* What a guest does to whatever was loaded: it reads what comes, and lets all lanes be looked at. */
static void exercise(void)
{
	vmbus_server_start(&s);
	for (u32 round = 0; round < 4; round++) {
		for (u32 i = 0; i < LANES; i++) {
			struct vmbus_ring in = lanes[i].in;
			struct vmbus_packet packet;
			u8 buf[128];

			for (u32 k = 0; k < 60; k++) {
				if (vmbus_ring_read(&in, &packet, buf, sizeof(buf)) < 0)
					break;
			}
			(void)vmbus_ring_release(&in);
			signalled(i);
		}
		run_due();
		while (disk_step(&disks[0]) || disk_step(&disks[1]))
			;
		attend();
	}
}

static void assert_as_new(void)
{
	/* The primary, its slots, its lists and the back ends' memory. */
	assert_true(objects == 4 && connections == 0 && s.channel_count == 1);
	assert_true(controller.channels[1] == NULL && controller.channels[2] == NULL);
}

static void damage(void **state)
{
	static u8 saved_ram[RAM_PAGES][4096];
	u32 good = 0, bad = 0;

	(void)state;
	make_waiting();
	memcpy(saved_ram, ram, sizeof(ram));
	replace();
	for (u64 length = 0; length < size; length++) {
		assert_true(load(length) < 0);
		assert_as_new();
	}
	for (u64 at = 0; at < size; at++) {
		u8 bit = (u8)(1u << any(8));
		int error;

		bytes[at] ^= bit;
		error = load(size);
		bytes[at] ^= bit;
		good += error == 0;
		bad += error != 0;
		if (error != 0) {
			assert_as_new();
			continue;
		}
		exercise();
		taken = sent_count = 0;
		replace();
		memcpy(ram, saved_ram, sizeof(ram));
	}
	assert_true(good > 300 && bad > 300);
	assert_int_equal(load(size), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(offers_that_were_due, setup, teardown),
		cmocka_unit_test_setup_teardown(long_packets, setup, teardown),
		cmocka_unit_test_setup_teardown(format, setup, teardown),
		cmocka_unit_test_setup_teardown(other_machines, setup, teardown),
		cmocka_unit_test_setup_teardown(damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
