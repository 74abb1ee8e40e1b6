/* SPDX-License-Identifier: MIT */
/*
 * The e1000 driver on a device that is silent, talks nonsense, storms, or goes
 * away: what was sent ends in bounded time, nothing is written where it should not be,
 * and the device is reset, or given up.
 * sources: rootpart/drivers/e1000/e1000_hw.c rootpart/drivers/e1000/e1000_interrupt.c rootpart/drivers/e1000/e1000_mac.c rootpart/drivers/e1000/e1000_models.c rootpart/drivers/e1000/e1000_nic.c rootpart/drivers/e1000/e1000_probe.c rootpart/drivers/e1000/e1000_rx.c rootpart/drivers/e1000/e1000_tx.c rootpart/net/nic.c rootpart/net/nic_send.c rootpart/net/nic_bounce.c rootpart/net/nic_watch.c rootpart/mutex.c lib/format.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake
 */
#include "tests/unit/e1000_machine.h"

static void open_all(void)
{
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
}

static void ended_with(u32 from, u32 to, int error)
{
	for (u32 i = from; i < to; i++)
		assert_int_equal(sents[i].ended, error);
}

/* The device works both ways. */
static void still_works(void)
{
	u32 n = kept_count, w = wire_count;
	struct sent *s = frame_send(nic, 777, 3);

	assert_true(arrive_pattern(n, 1234));
	settle();
	assert_int_equal(s->ended, 0);
	assert_int_equal(wire_count, w + 1);
	assert_memory_equal(wire[w].data, s->data, 777);
	assert_int_equal(kept_count, n + 1);
	assert_int_equal(kept[n].bytes, 1234);
	for (u32 i = 0; i < 1234; i++)
		assert_int_equal(kept[n].data[i], pattern(n, i));
}

static void silence(void **state)
{
	(void)state;
	open_all();
	device.silent = true;
	for (u32 i = 0; i < 300; i++)
		(void)frame_send(nic, 60, 1);
	settle();
	device.silent = false;
	pass(2 * NS_PER_S);
	/* What it had been given is lost, what waited is sent. */
	assert_int_equal(device.resets, 2);
	ended_with(0, 255, -ENETDOWN);
	ended_with(255, 300, 0);
	assert_int_equal(wire_count, 45);
	assert_int_equal(nic->stats.resets, 1);
	assert_int_equal(nic->stats.send_errors, 255);
	assert_int_equal(log_lines, 1);
	still_works();
	pass(10 * NS_PER_S);
	assert_int_equal(device.resets, 2);
}

static void silence_for_ever(void **state)
{
	(void)state;
	open_all();
	device.silent = true;
	for (u32 i = 0; i < 10 && !nic->offline; i++) {
		(void)frame_send(nic, 60, 1);
		pass(2 * NS_PER_S);
		pass(2 * NS_PER_S);
	}
	assert_true(nic->offline);
	ended_with(0, sent_count, -ENETDOWN);
	assert_true(log_lines < 10);
}

/* Filters and size survive the reset. */
static void settings_survive(void **state)
{
	u32 rctl;

	(void)state;
	open_all();
	assert_int_equal(nic_filter(nic, true, false), 0);
	assert_int_equal(nic_set_mtu(nic, 9000), 0);
	rctl = *reg(E1000_RCTL);
	nic_ask_recover(nic, "a test");
	settle();
	assert_int_equal(device.resets, 2);
	assert_int_equal(*reg(E1000_RCTL), rctl);
	still_works();
}

static void impossible_length(void **state)
{
	static const u16 lengths[] = { 2049, 65535, 0 };

	(void)state;
	open_all();
	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct e1000_rx_desc *d = &rx_ring()[*reg(E1000_RDH)];

		still_works();
		d = &rx_ring()[*reg(E1000_RDH)];
		d->length = lengths[i];
		d->status = RX_DD | (lengths[i] == 0 ? 0 : RX_EOP);
		*reg(E1000_RDH) = (*reg(E1000_RDH) + 1) % E1000_RING;
		/* One of before it is right, one behind it is never looked at. */
		assert_true(arrive_pattern(1, 60));
		settle();
		assert_int_equal(device.resets, 2 + i);
		assert_int_equal(log_lines, 1 + i);
		assert_non_null(strstr(logged, "length is impossible: reset"));
		assert_int_equal(kept_count, 1 + i);
		still_works();
		kept_count--;
		pass(30 * NS_PER_S);
	}
}

/* Descriptors of random bytes, all over the ring, with addresses of nowhere. */
static void garbage(void **state)
{
	(void)state;
	srand(2);
	open_all();
	for (u32 round = 0; round < 300 && !nic->offline; round++) {
		struct e1000_rx_desc *ring = rx_ring();

		for (u32 i = 0; i < 40; i++) {
			u8 *p = (u8 *)&ring[(*reg(E1000_RDH) + (u32)rand() % 8) % E1000_RING];

			p[rand() % 16] = (u8)rand();
		}
		for (u32 i = 0; i < 8; i++)
			ring[(*reg(E1000_RDH) + i) % E1000_RING].status |= RX_DD;
		*reg(E1000_RDH) = (*reg(E1000_RDH) + 8) % E1000_RING;
		device.icr |= (u32)rand() | (u32)INT_RXT0;
		(void)frame_send(nic, 60, 1);
		pass(30 * NS_PER_S);
		kept_count = 0;
		/* Its addresses are the driver's own again. */
		for (u32 i = 0; i < E1000_RING; i++) {
			u64 first = gpa_of(driver()->rx.buffers).a;

			if (ring[i].status == 0)
				assert_int_equal(ring[i].address, first + i * E1000_BUFFER);
		}
	}
	assert_int_equal(ended_count, sent_count);
}

static void never_an_end(void **state)
{
	u8 data[2048] = { 0 };

	(void)state;
	open_all();
	for (u32 i = 0; i < 400; i++) {
		assert_true(fill(data, 2048, 0, 0));
		device.icr |= (u32)INT_RXT0;
		settle();
		assert_true(free_descriptors() >= E1000_RING - 1 - E1000_CHAIN_MAX);
	}
	assert_true(fill(data, 100, RX_EOP, 0));
	device.icr |= (u32)INT_RXT0;
	settle();
	assert_int_equal(kept_count, 0);
	assert_int_equal(nic->stats.receive_errors, 1);
	still_works();
}

static void damaged_and_of_wrong_size(void **state)
{
	static const u8 errors[] = { RX_ERROR_CE, RX_ERROR_SE, RX_ERROR_SEQ, RX_ERROR_CXE,
		RX_ERROR_RXE };
	u32 wrong = 0;

	(void)state;
	open_all();
	for (u32 i = 0; i < ARRAY_SIZE(errors); i++) {
		device.rx_errors = errors[i];
		assert_true(arrive_pattern(0, 60));
		settle();
		assert_int_equal(nic->stats.receive_errors, ++wrong);
	}
	device.rx_errors = 0;
	for (u32 bytes = 1519; bytes < 9500; bytes += 1000) {
		assert_true(arrive_pattern(0, bytes));
		settle();
		assert_int_equal(nic->stats.receive_errors, ++wrong);
	}
	assert_true(arrive_pattern(0, 13));
	settle();
	assert_int_equal(nic->stats.receive_errors, ++wrong);
	assert_int_equal(kept_count, 0);
	assert_int_equal(device.resets, 1);
	still_works();
}

static void frames_that_it_could_not_send(void **state)
{
	(void)state;
	open_all();
	device.tx_status = TX_LC;
	(void)frame_send(nic, 60, 1);
	settle();
	ended_with(0, 1, -EIO);
	device.tx_status = TX_EC;
	(void)frame_send(nic, 60, 1);
	settle();
	ended_with(1, 2, -EIO);
	device.tx_status = 0;
	still_works();
}

/* It says that all is sent, again and again: nothing ends twice. */
static void sent_twice(void **state)
{
	struct e1000_tx_desc *ring;

	(void)state;
	open_all();
	ring = dma(*reg(E1000_TDBAL) | (u64)*reg(E1000_TDBAH) << 32);
	for (u32 round = 0; round < 300; round++) {
		(void)frame_send(nic, 60, 2);
		for (u32 i = 0; i < E1000_RING; i++)
			ring[i].status = TX_DD;
		device.icr |= (u32)INT_TXDW;
		settle();
		assert_int_equal(ended_count, sent_count);
	}
	assert_int_equal(nic->stats.sent, 300);
}

/* Other work gets its turns, and it is masked after each interrupt. */
static void storm(void **state)
{
	(void)state;
	open_all();
	device.storm = true;
	for (u32 i = 0; i < 100; i++) {
		deliver();
		assert_true(work_count <= 1);
		(void)run_one_work();
	}
	device.storm = false;
	settle();
	still_works();
	assert_int_equal(nic->stats.resets, 0);
}

static void gone(void **state)
{
	(void)state;
	open_all();
	device.gone = true;
	(void)frame_send(nic, 60, 1);
	device.storm = true;
	settle();
	device.storm = false;
	pass(2 * NS_PER_S);
	pass(2 * NS_PER_S);
	assert_true(nic->offline);
	ended_with(0, 1, -ENETDOWN);
	assert_int_equal(links, 1);
	assert_false(nic->link_up);
}

static void reset_that_does_not_end(void **state)
{
	u64 start;

	(void)state;
	open_all();
	device.never_reset = device.silent = true;
	(void)frame_send(nic, 60, 1);
	nic_ask_recover(nic, "a test");
	start = now;
	settle();
	assert_true(nic->offline);
	assert_true(now - start < NS_PER_S);
	ended_with(0, 1, -ENETDOWN);
	assert_false(command_register & PCI_COMMAND_MASTER);
}

#define BOTH(name)                                               \
	{ #name "_82540", name, setup_pin, teardown, NULL },     \
	{                                                        \
#name "_82574", name, setup_msix, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(silence),
		BOTH(silence_for_ever),
		BOTH(settings_survive),
		BOTH(impossible_length),
		BOTH(garbage),
		BOTH(never_an_end),
		BOTH(damaged_and_of_wrong_size),
		BOTH(frames_that_it_could_not_send),
		BOTH(sent_twice),
		BOTH(storm),
		BOTH(gone),
		BOTH(reset_that_does_not_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
