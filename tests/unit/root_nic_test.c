/* SPDX-License-Identifier: MIT */
/*
 * The NIC layer above a made-up driver: names, the one user, order of frames and waiting,
 * what is refused, copies and checksums, link changes, silence, resets, the end.
 * sources: rootpart/net/nic.c rootpart/net/nic_send.c rootpart/net/nic_bounce.c rootpart/net/nic_watch.c rootpart/mutex.c lib/format.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/nic_machine.h"

#define ROOM     8u
#define LIMIT_NS (2 * NS_PER_S) /* between two looks */

/* The driver: takes ROOM frames, and ends them when it is told. */
static struct driver {
	struct nic nic;
	struct nic_frame *taken[ROOM];
	u32 taken_count;
	u32 sends, kicks, recovers;
	int recover_error;
	bool promiscuous, all_multicast;
	int filter_error;
	u32 mtu;
} * driver; /* of its own for each test: the registry only grows */

static bool send(struct nic *n, struct nic_frame *f)
{
	assert_ptr_equal(n, &driver->nic);
	assert_false(fake_irq_on);
	driver->sends++;
	if (driver->taken_count == ROOM)
		return false;
	driver->taken[driver->taken_count++] = f;
	return true;
}

static void kick(struct nic *n)
{
	(void)n;
	driver->kicks++;
}

static int filter(struct nic *n, bool promiscuous, bool all_multicast)
{
	(void)n;
	driver->promiscuous = promiscuous;
	driver->all_multicast = all_multicast;
	return driver->filter_error;
}

static int set_mtu(struct nic *n, u32 mtu)
{
	(void)n;
	driver->mtu = mtu;
	return 0;
}

static void end_first(int error)
{
	struct nic_frame *f = driver->taken[0];

	assert_true(driver->taken_count > 0);
	memmove(driver->taken, driver->taken + 1, --driver->taken_count * sizeof(f));
	nic_sent(&driver->nic, f, error);
}

static int recover(struct nic *n)
{
	assert_true(n->stopped);
	driver->recovers++;
	while (driver->taken_count > 0)
		end_first(-ENETDOWN);
	return driver->recover_error;
}

static const struct nic_ops ops = { send, kick, filter, set_mtu, recover };

static int setup(void **state)
{
	(void)state;
	machine_setup();
	driver = calloc(1, sizeof(*driver));
	driver->nic = (struct nic){ .driver = "made-up",
		.max_mtu = 9000,
		.max_segments = 16,
		.can_checksum = true,
		.can_segment = true,
		.max_csum = 255,
		.vp = 1,
		.ops = &ops,
		.link_up = true };
	nic_register(&driver->nic);
	return 0;
}

static struct driver *all[32];
static u32 all_count;

static int teardown(void **state)
{
	(void)state;
	machine_teardown();
	/* They stay registered. */
	all[all_count++] = driver;
	return 0;
}

static void names(void **state)
{
	struct nic *n = nic_next(NULL);
	char name[16];
	u32 i = 0;

	(void)state;
	for (; n != NULL; n = nic_next(n)) {
		(void)snprintf(name, sizeof(name), "nic%u", i++);
		assert_string_equal(n->name, name);
		assert_ptr_equal(nic_find(name), n);
	}
	assert_int_equal(i, all_count + 1);
	assert_ptr_equal(nic_find(driver->nic.name), &driver->nic);
	assert_null(nic_find("nic"));
	assert_null(nic_find("nic99"));
	assert_int_equal(driver->nic.mtu, 1500);
	assert_int_equal(tasks[0].vp, 1);
}

static void give(const u8 *data, u32 bytes)
{
	const struct nic_segment s = { GPA(data), bytes };
	const struct nic_received r = { &s, 1, bytes, true };

	nic_receive(&driver->nic, &r);
}

static void one_user(void **state)
{
	struct nic_user other = { .receive = keep };
	struct nic *n = &driver->nic;
	u8 data[60] = { 1, 2, 3 };

	(void)state;
	give(data, 60);
	assert_int_equal(n->stats.receive_dropped, 1);
	assert_int_equal(nic_open(n, &user), 0);
	assert_int_equal(nic_open(n, &other), -EBUSY);
	assert_int_equal(nic_filter(n, true, false), 0);
	assert_true(driver->promiscuous && !driver->all_multicast);
	give(data, 60);
	assert_int_equal(kept_count, 1);
	assert_memory_equal(kept[0].data, data, 60);
	assert_true(kept[0].checksum_good);
	nic_close(n);
	assert_false(driver->promiscuous);
	give(data, 60);
	assert_int_equal(kept_count, 1);
	assert_int_equal(n->stats.received, 3);
	assert_int_equal(n->stats.received_bytes, 180);
	assert_int_equal(n->stats.receive_dropped, 2);
	assert_int_equal(nic_open(n, &other), 0);
	driver->filter_error = -EIO;
	assert_int_equal(nic_filter(n, true, false), -EIO);
	nic_close(n);
}

static void in_order(void **state)
{
	struct nic *n = &driver->nic;

	(void)state;
	for (u32 i = 0; i < 20; i++)
		(void)frame_send(n, 60 + i, 1);
	/* None is offered again before another has ended. */
	assert_int_equal(driver->sends, ROOM + 1);
	assert_int_equal(driver->kicks, ROOM);
	for (u32 i = 0; i < 20; i++) {
		assert_ptr_equal(driver->taken[0], &sents[i].frame);
		end_first(0);
		assert_int_equal(sents[i].ended, 0);
		assert_int_equal(driver->taken_count, MIN(ROOM, 19 - i));
	}
	assert_true(driver->kicks >= ROOM + 12);
	assert_int_equal(n->stats.sent, 20);
	assert_int_equal(n->stats.sent_bytes, 60 * 20 + 190);
	settle();
	pass(LIMIT_NS);
	assert_int_equal(driver->recovers, 0);
}

static void refused(struct sent *s, int error)
{
	nic_send(&driver->nic, &s->frame);
	/* Not inside of nic_send(). */
	assert_int_equal(s->ended, 1);
	settle();
	assert_int_equal(s->ended, error);
}

static struct sent *with(u32 bytes, struct nic_offload o)
{
	struct sent *s = frame_make(bytes, 1);

	s->frame.offload = o;
	return s;
}

static const struct nic_offload cut = { .checksum = true,
	.csum_start = 34,
	.csum_offset = 16,
	.segment_size = 1400,
	.ip_start = 14,
	.header_size = 54 };

static void wrong_frames(void **state)
{
	struct nic_offload o;
	struct sent *s;

	(void)state;
	refused(frame_make(13, 1), -EINVAL);
	refused(frame_make(1519, 1), -EMSGSIZE);
	refused(frame_make(2000, NIC_SEGMENTS_MAX + 1), -EINVAL);
	s = frame_make(60, 1);
	s->frame.segment_count = 0;
	refused(s, -EINVAL);
	s = frame_make(60, 2);
	s->segments[1].len--;
	refused(s, -EINVAL);
	s = frame_make(60, 2);
	s->segments[0].len = 0;
	s->frame.bytes = 30;
	refused(s, -EINVAL);
	s = frame_make(60, 2);
	s->segments[0].len = s->segments[1].len = 0x8000001eu; /* 60, but for the carry */
	refused(s, -EINVAL);
	refused(with(60, (struct nic_offload){ .checksum = true, .csum_start = 13 }), -EINVAL);
	refused(with(60,
			(struct nic_offload){
				.checksum = true, .csum_start = 50, .csum_offset = 9 }),
		-EINVAL);
	for (u32 i = 0; i < 6; i++) {
		o = cut;
		o.checksum = i != 0;
		o.ip_start = i == 1 ? 13 : i == 2 ? 34 : 14;
		o.header_size = i == 3 ? 53 : i == 4 ? 3000 : i == 5 ? 256 : 54;
		refused(with(3000, o), -EINVAL);
	}
	o = cut;
	o.segment_size = 1465;
	refused(with(3000, o), -EMSGSIZE);
	refused(with(NIC_TSO_MAX + 1, cut), -EMSGSIZE);
	o = cut;
	o.ipv6 = true;
	refused(with(3000, o), -EINVAL);
	driver->nic.can_segment = false;
	refused(with(3000, cut), -EINVAL);
	assert_int_equal(driver->sends, 0);
	assert_int_equal(driver->nic.stats.send_errors, sent_count);
}

static void right_frames(void **state)
{
	(void)state;
	nic_send(&driver->nic, &frame_make(14, 1)->frame);
	nic_send(&driver->nic, &frame_make(1518, 16)->frame);
	nic_send(&driver->nic, &with(NIC_TSO_MAX, cut)->frame);
	assert_int_equal(nic_set_mtu(&driver->nic, 9001), -EINVAL);
	assert_int_equal(nic_set_mtu(&driver->nic, 67), -EINVAL);
	assert_int_equal(nic_set_mtu(&driver->nic, 9000), 0);
	assert_int_equal(driver->mtu, 9000);
	nic_send(&driver->nic, &frame_make(9018, 1)->frame);
	assert_int_equal(driver->taken_count, 4);
	assert_ptr_equal(driver->taken[2], &sents[2].frame);
	while (driver->taken_count > 0)
		end_first(0);
	assert_int_equal(driver->nic.stats.bounced, 0);
}

static void list_too_long(void **state)
{
	struct sent *s = frame_send(&driver->nic, 1000, 17);
	const struct nic_frame *f = driver->taken[0];

	(void)state;
	assert_ptr_not_equal(f, &s->frame);
	assert_int_equal(f->segment_count, 1);
	assert_int_equal(f->segments[0].len, 1000);
	assert_memory_equal(gpa_ptr(f->segments[0].gpa), s->data, 1000);
	assert_int_equal(pages, 1);
	end_first(-EIO);
	assert_int_equal(s->ended, -EIO);
	assert_int_equal(pages, 0);
	assert_int_equal(driver->nic.stats.bounced, 1);
	assert_int_equal(driver->nic.stats.send_errors, 1);
	memory_left = 0;
	refused(frame_make(1000, 17), -ENOMEM);
}

/* RFC 1071 by hand: what is stored makes the sum of all from the start on come to all ones. */
static u32 sum_of(const u8 *p, u32 len)
{
	u32 sum = 0;

	for (u32 i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void checksum_by_software(void **state)
{
	struct nic_offload o = { .checksum = true, .csum_start = 34, .csum_offset = 6 };

	(void)state;
	driver->nic.can_checksum = false;
	for (u32 bytes = 60; bytes < 68; bytes++) {
		struct sent *s = frame_make(bytes, 5);
		const u8 *copy;
		u8 stored[2];

		s->frame.offload = o;
		nic_send(&driver->nic, &s->frame);
		assert_false(driver->taken[0]->offload.checksum);
		copy = gpa_ptr(driver->taken[0]->segments[0].gpa);
		assert_memory_equal(copy, s->data, 40);
		assert_memory_equal(copy + 42, s->data + 42, bytes - 42);
		/* The sum over the old contents, and what was stored, complement each other. */
		memcpy(stored, copy + 40, 2);
		assert_int_equal(sum_of(s->data + 34, bytes - 34) ^ 0xffff, sum_of(stored, 2));
		/* The sender's memory is as it was. */
		assert_int_equal(s->data[40], pattern(sent_count - 1, 40));
		end_first(0);
		assert_int_equal(s->ended, 0);
	}
	assert_int_equal(driver->nic.stats.bounced, 8);
}

static void checksum_that_the_device_cannot_reach(void **state)
{
	struct nic_offload o = { .checksum = true, .csum_start = 250, .csum_offset = 6 };
	struct sent *s = frame_make(300, 1);

	(void)state;
	memset(s->data + 250, 0xff, 50); /* a sum of all ones: 0 would be UDP's "none" */
	s->frame.offload = o;
	nic_send(&driver->nic, &s->frame);
	assert_ptr_not_equal(driver->taken[0], &s->frame);
	assert_memory_equal(
		(const u8 *)gpa_ptr(driver->taken[0]->segments[0].gpa) + 256, "\377\377", 2);
	end_first(0);
	o.csum_start = 249;
	s = frame_make(300, 1);
	s->frame.offload = o;
	nic_send(&driver->nic, &s->frame);
	assert_ptr_equal(driver->taken[0], &s->frame);
	end_first(0);
}

static void link_goes_and_comes(void **state)
{
	struct nic *n = &driver->nic;

	(void)state;
	assert_int_equal(nic_open(n, &user), 0);
	for (u32 i = 0; i < ROOM + 3; i++)
		(void)frame_send(n, 60, 1);
	nic_link(n, true, 1000); /* nothing new */
	assert_int_equal(links, 0);
	nic_link(n, false, 0);
	assert_int_equal(links, 1);
	assert_false(n->link_up);
	settle();
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(sents[ROOM + i].ended, -ENETDOWN);
	refused(frame_make(60, 1), -ENETDOWN);
	while (driver->taken_count > 0)
		end_first(0);
	nic_link(n, true, 100);
	assert_int_equal(link_ups, 1);
	assert_int_equal(n->link_mbit, 100);
	(void)frame_send(n, 60, 1);
	assert_int_equal(driver->taken_count, 1);
	end_first(0);
	nic_close(n);
	assert_int_equal(log_lines, 2);
}

static void silence(void **state)
{
	struct nic *n = &driver->nic;

	(void)state;
	for (u32 i = 0; i < ROOM + 2; i++)
		(void)frame_send(n, 60, 1);
	settle();
	/* As long as some end, all is well. */
	for (u32 i = 0; i < 4; i++) {
		end_first(0);
		pass(LIMIT_NS);
		assert_int_equal(driver->recovers, 0);
	}
	pass(LIMIT_NS);
	assert_int_equal(driver->recovers, 1);
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(logged, "sending does not end: reset"));
	for (u32 i = 4; i < ROOM + 2; i++)
		assert_int_equal(sents[i].ended, -ENETDOWN);
	assert_int_equal(n->stats.resets, 1);
	/* It goes on, and silence costs no more looks. */
	(void)frame_send(n, 60, 1);
	settle();
	end_first(0);
	pass(LIMIT_NS);
	assert_false(n->watched);
	assert_int_equal(n->look_at, TIME_NEVER);
	assert_int_equal(driver->recovers, 1);
}

static void waiting_frames_survive_a_reset(void **state)
{
	(void)state;
	for (u32 i = 0; i < ROOM + 2; i++)
		(void)frame_send(&driver->nic, 60, 1);
	nic_ask_recover(&driver->nic, "nonsense");
	/* What is sent until it is reset waits behind the others. */
	(void)frame_send(&driver->nic, 60, 1);
	settle();
	assert_int_equal(driver->recovers, 1);
	assert_int_equal(ended_count, ROOM);
	assert_int_equal(driver->taken_count, 3);
	for (u32 i = 0; i < 3; i++) {
		assert_ptr_equal(driver->taken[0], &sents[ROOM + i].frame);
		end_first(0);
	}
	assert_non_null(strstr(logged, "nonsense: reset"));
}

static void off_line(void)
{
	struct nic *n = &driver->nic;
	u8 data[60] = { 0 };

	assert_true(n->offline);
	assert_false(n->link_up);
	assert_non_null(strstr(logged, "off line"));
	assert_int_equal(ended_count, sent_count);
	refused(frame_make(60, 1), -ENETDOWN);
	nic_link(n, true, 1000);
	assert_false(n->link_up);
	give(data, 60);
	assert_int_equal(kept_count, 0);
	nic_close(n);
	assert_int_equal(nic_open(n, &user), -ENODEV);
	assert_int_equal(nic_set_mtu(n, 1000), -ENODEV);
	pass(100 * NS_PER_S);
}

static void reset_that_fails(void **state)
{
	(void)state;
	assert_int_equal(nic_open(&driver->nic, &user), 0);
	driver->recover_error = -EIO;
	for (u32 i = 0; i < ROOM + 2; i++)
		(void)frame_send(&driver->nic, 60, 1);
	nic_ask_recover(&driver->nic, "nonsense");
	settle();
	assert_int_equal(links, 1);
	off_line();
	assert_int_equal(driver->recovers, 1);
}

static void resets_that_do_not_help(void **state)
{
	u32 i;

	(void)state;
	assert_int_equal(nic_open(&driver->nic, &user), 0);
	for (i = 0; i < 10 && !driver->nic.offline; i++) {
		nic_ask_recover(&driver->nic, "nonsense");
		pass(NS_PER_S);
	}
	assert_int_equal(i, 5);
	off_line();
	assert_int_equal(driver->recovers, 5);
}

static void resets_now_and_then(void **state)
{
	(void)state;
	for (u32 i = 0; i < 10; i++) {
		nic_ask_recover(&driver->nic, "nonsense");
		pass(NS_PER_S * 30);
	}
	assert_false(driver->nic.offline);
	assert_int_equal(driver->recovers, 10);
}

static void no_memory_for_the_task(void **state)
{
	struct driver *first = driver;

	(void)state;
	driver = calloc(1, sizeof(*driver));
	driver->nic = first->nic;
	memory_left = 0;
	nic_register(&driver->nic);
	assert_true(driver->nic.offline);
	assert_int_equal(nic_open(&driver->nic, &user), -ENODEV);
	all[all_count++] = first;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names),
		TEST(one_user),
		TEST(in_order),
		TEST(wrong_frames),
		TEST(right_frames),
		TEST(list_too_long),
		TEST(checksum_by_software),
		TEST(checksum_that_the_device_cannot_reach),
		TEST(link_goes_and_comes),
		TEST(silence),
		TEST(waiting_frames_survive_a_reset),
		TEST(reset_that_fails),
		TEST(resets_that_do_not_help),
		TEST(resets_now_and_then),
		TEST(no_memory_for_the_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
