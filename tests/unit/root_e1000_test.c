/* SPDX-License-Identifier: MIT */
/*
 * The e1000 driver on a device that works: probing, contents of frames both ways, lists,
 * chains, rings that wrap and run full, offloads, link changes, a shared pin.
 * sources: rootpart/drivers/e1000/e1000_hw.c rootpart/drivers/e1000/e1000_interrupt.c rootpart/drivers/e1000/e1000_mac.c rootpart/drivers/e1000/e1000_models.c rootpart/drivers/e1000/e1000_nic.c rootpart/drivers/e1000/e1000_probe.c rootpart/drivers/e1000/e1000_rx.c rootpart/drivers/e1000/e1000_tx.c rootpart/net/nic.c rootpart/net/nic_send.c rootpart/net/nic_bounce.c rootpart/net/nic_watch.c rootpart/mutex.c lib/format.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake
 */
#include "tests/unit/e1000_machine.h"

static void is_sent(u32 i, const struct sent *s)
{
	assert_int_equal(s->ended, 0);
	assert_int_equal(wire[i].bytes, s->frame.bytes);
	assert_memory_equal(wire[i].data, s->data, s->frame.bytes);
}

static void is_kept(u32 i, u32 number, u32 bytes)
{
	assert_int_equal(kept[i].bytes, bytes);
	for (u32 b = 0; b < bytes; b++)
		assert_int_equal(kept[i].data[b], pattern(number, b));
}

static void what_is_found(void **state)
{
	static const u8 mac[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

	(void)state;
	probe();
	assert_memory_equal(nic->mac, mac, 6);
	assert_string_equal(nic->driver, "e1000");
	assert_true(nic->link_up);
	assert_int_equal(nic->link_mbit, 1000);
	assert_int_equal(nic->max_mtu, 9000);
	assert_int_equal(irq_vp, nic->vp);
	assert_int_equal(*reg(E1000_RAL(0)), 0x12005452);
	assert_int_equal(*reg(E1000_RAH(0)), 0x80005634);
	assert_int_equal(device.resets, 1);
	assert_int_equal(*reg(E1000_RDH), 0);
	assert_int_equal(*reg(E1000_TDH), 0);
	assert_int_equal(free_descriptors(), E1000_RING - 1);
	/* Link up as it is needs no line. */
	assert_int_equal(log_lines, 0);
	/* It is at rest. */
	assert_int_equal(device.icr & device.ims, 0);
	assert_int_not_equal(device.ims, 0);
}

static void other_devices(void **state)
{
	(void)state;
	pci.device = 0x1229;
	assert_false(e1000_driver.match(&pci));
	pci.device = 0x100f;
	assert_true(e1000_driver.match(&pci));
	pci.vendor = 0x1af4;
	assert_false(e1000_driver.match(&pci));
}

static void address_from_eeprom(void **state)
{
	static const u8 mac[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

	(void)state;
	device.no_address = true;
	probe();
	assert_memory_equal(nic->mac, mac, 6);
	assert_int_equal(*reg(E1000_RAH(0)), 0x80005634);
}

static void phy_that_sleeps(void **state)
{
	(void)state;
	device.phy_control = PHY_CONTROL_DOWN | PHY_CONTROL_ISOLATE | 0x140;
	probe();
	assert_int_equal(device.phy_control, 0x140 | PHY_CONTROL_AUTO | PHY_CONTROL_RESTART);
}

/* Nothing is left of it: no memory, no interrupt, no DMA. */
static void fails(int error)
{
	assert_int_equal(e1000_driver.probe(&pci), error);
	assert_int_equal(pages, 0);
	assert_int_equal(objects, 0);
	assert_null(handler);
	assert_false(command_register & PCI_COMMAND_MASTER);
}

static void probes_that_fail(void **state)
{
	(void)state;
	device.gone = true;
	fails(-ENODEV);
	device.gone = false;
	device.never_reset = true;
	fails(-EIO);
	device.never_reset = false;
	vectors = 0;
	fails(-ENODEV);
	vectors = 1;
	irq_fails = true;
	fails(-ENOSPC);
	irq_fails = false;
	pci.bar[0].size = 0x1000;
	fails(-ENODEV);
	pci.bar[0].size = E1000_REGS_SIZE;
	device.no_address = device.no_eeprom = true;
	fails(-EIO);
	device.no_eeprom = false;
	memset(device.eeprom, 0xff, sizeof(device.eeprom));
	fails(-EIO);
	memset(device.eeprom, 0, sizeof(device.eeprom));
	fails(-EIO);
	device.no_address = false;
	device.eeprom[0] = 2;
	for (u32 i = 0; i < 4; i++) {
		memory_left = i;
		fails(-ENOMEM);
	}
}

static void every_size_is_sent(void **state)
{
	(void)state;
	probe();
	for (u32 bytes = 14; bytes <= 1518; bytes += 3) {
		struct sent *s = frame_send(nic, bytes, 1 + bytes % 14);

		settle();
		is_sent(sent_count - 1, s);
		assert_false(wire[sent_count - 1].offload);
	}
	assert_int_equal(nic->stats.sent, sent_count);
	assert_int_equal(nic->stats.bounced, 0);
}

static void every_size_comes(void **state)
{
	u32 n = 0;

	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	for (u32 bytes = 60; bytes <= 1518; bytes += 3) {
		assert_true(arrive_pattern(n, bytes));
		settle();
		assert_int_equal(kept_count, n + 1);
		is_kept(n, n, bytes);
		assert_int_equal(kept[n].segments, 1);
		n++;
	}
	assert_int_equal(nic->stats.receive_errors, 0);
	assert_int_equal(free_descriptors(), E1000_RING - 1);
	nic_close(nic);
}

/* More than the ring holds, in bursts, so that it wraps. */
static void bursts(void **state)
{
	u32 n = 0;

	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	for (u32 burst = 0; burst < 7; burst++) {
		u32 start = n;

		for (u32 i = 0; i < 150 + burst * 17; i++)
			assert_true(arrive_pattern(n++, 60 + i));
		settle();
		assert_int_equal(kept_count, n);
		for (u32 i = start; i < n; i++)
			is_kept(i, i, 60 + i - start);
	}
	nic_close(nic);
}

static void turns_are_bounded(void **state)
{
	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	for (u32 i = 0; i < 200; i++)
		assert_true(arrive_pattern(i, 60));
	deliver();
	assert_int_equal(work_count, 1);
	assert_true(run_one_work());
	assert_int_equal(kept_count, 64);
	/* Those that were looked at are the device's again, and it stays masked. */
	assert_int_equal(free_descriptors(), 255 - 200 + 64);
	assert_int_equal(device.ims, 0);
	assert_int_equal(work_count, 1);
	settle();
	assert_int_equal(kept_count, 200);
	assert_int_not_equal(device.ims, 0);
	nic_close(nic);
}

static void more_than_it_holds(void **state)
{
	u32 lost = 0;

	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	for (u32 i = 0; i < 300; i++)
		lost += !arrive_pattern(i, 60);
	settle();
	assert_int_equal(lost, 300 - 255);
	assert_int_equal(kept_count, 255);
	assert_int_equal(nic->stats.receive_dropped, lost);
	assert_true(arrive_pattern(300, 60));
	settle();
	is_kept(255, 300, 60);
	nic_close(nic);
}

static void ring_full_of_frames_to_send(void **state)
{
	(void)state;
	probe();
	device.silent = true;
	/* Of up to 13 descriptors each: some wait. */
	for (u32 i = 0; i < 120; i++)
		(void)frame_send(nic, 1000 + i, 1 + i % 13);
	settle();
	assert_int_equal(wire_count, 0);
	device.silent = false;
	transmit();
	settle();
	assert_int_equal(wire_count, 120);
	for (u32 i = 0; i < 120; i++)
		is_sent(i, &sents[i]);
}

static void large_frames(void **state)
{
	static const u32 sizes[] = { 1519, 2047, 2048, 2049, 4096, 6000, 8192, 9014, 9018 };

	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	assert_false(*reg(E1000_RCTL) & RCTL_LPE);
	assert_int_equal(nic_set_mtu(nic, 9000), 0);
	assert_true(*reg(E1000_RCTL) & RCTL_LPE);
	for (u32 round = 0; round < 12; round++) {
		for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
			u32 n = kept_count;
			struct sent *s = frame_send(nic, sizes[i], 1 + (n + i) % 40);

			assert_true(arrive_pattern(n, sizes[i]));
			settle();
			is_kept(n, n, sizes[i]);
			assert_int_equal(kept[n].segments, (sizes[i] + 2047) / 2048);
			is_sent(n, s);
		}
	}
	assert_int_equal(nic_set_mtu(nic, 1500), 0);
	assert_false(*reg(E1000_RCTL) & RCTL_LPE);
	nic_close(nic);
}

/* A chain whose end comes a turn later. */
static void half_a_frame(void **state)
{
	u8 data[5000];

	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	assert_int_equal(nic_set_mtu(nic, 9000), 0);
	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = pattern(0, i);
	assert_true(fill(data, 2048, 0, 0));
	assert_true(fill(data + 2048, 2048, 0, 0));
	device.icr |= (u32)INT_RXT0;
	settle();
	assert_int_equal(kept_count, 0);
	/* Its buffers are not given back. */
	assert_int_equal(free_descriptors(), E1000_RING - 3);
	assert_true(fill(data + 4096, 904, RX_EOP, 0));
	device.icr |= (u32)INT_RXT0;
	settle();
	is_kept(0, 0, 5000);
	assert_int_equal(free_descriptors(), E1000_RING - 1);
	nic_close(nic);
}

static void checksum_that_came(void **state)
{
	static const struct {
		u8 status, errors;
		bool good;
	} rows[] = {
		{ 0, 0, false },
		{ RX_TCPCS, 0, true },
		{ RX_TCPCS | RX_IXSM, 0, false },
		{ RX_TCPCS, RX_ERROR_TCPE, false },
		{ RX_TCPCS, RX_ERROR_IPE, false },
	};

	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		device.rx_csum_status = rows[i].status;
		device.rx_errors = rows[i].errors;
		assert_true(arrive_pattern(i, 60));
		settle();
		assert_int_equal(kept[i].checksum_good, rows[i].good);
	}
	nic_close(nic);
}

static struct sent *offloaded(u32 bytes, u32 pieces, struct nic_offload o)
{
	struct sent *s = frame_make(bytes, pieces);

	s->frame.offload = o;
	nic_send(nic, &s->frame);
	settle();
	is_sent(wire_count - 1, s);
	assert_true(wire[wire_count - 1].offload);
	return s;
}

static void checksum_by_device(void **state)
{
	const struct nic_offload o = { .checksum = true, .csum_start = 34, .csum_offset = 6 };
	const struct wire *w = wire;

	(void)state;
	probe();
	(void)offloaded(700, 3, o);
	assert_int_equal(w->descriptors, 4);
	assert_int_equal(w->options, TX_OPTION_TCP);
	assert_int_equal(w->context.tcp_start, 34);
	assert_int_equal(w->context.tcp_sum, 40);
	assert_int_equal(w->context.tcp_end, 0);
	assert_int_equal(w->context.command, TX_DEXT);
	assert_false(w->cut);
}

static void cut_by_device(void **state)
{
	struct nic_offload o = { .checksum = true,
		.csum_start = 34,
		.csum_offset = 16,
		.segment_size = 1448,
		.ip_start = 14,
		.header_size = 66 };
	const struct wire *w = wire;

	(void)state;
	probe();
	(void)offloaded(65549, 40, o);
	assert_true(w->cut);
	assert_int_equal(w->options, TX_OPTION_TCP | TX_OPTION_IP);
	assert_int_equal(w->context.ip_start, 14);
	assert_int_equal(w->context.ip_sum, 24);
	assert_int_equal(w->context.ip_end, 33);
	assert_int_equal(w->context.header_size, 66);
	assert_int_equal(w->context.segment_size, 1448);
	assert_int_equal(w->context.command, TX_DEXT | TX_TSE | TX_TCP | TX_IPV4 | (65549 - 66));
	/* A context, 5 of at most a page; on the old ones the end has one for itself. */
	(void)offloaded(20000, 1, o);
	assert_int_equal(wire[1].descriptors, device.pcie ? 6 : 7);
	for (u32 bytes = 4096 * 2 - 2; bytes < 4096 * 2 + 8; bytes++)
		(void)offloaded(bytes, 1, o);
}

static void cut_over_ipv6(void **state)
{
	struct nic_offload o = { .checksum = true,
		.csum_start = 54,
		.csum_offset = 16,
		.segment_size = 1400,
		.ipv6 = true,
		.ip_start = 14,
		.header_size = 74 };

	(void)state;
	probe();
	assert_int_equal(nic->can_segment_ipv6, device.pcie);
	if (!device.pcie)
		return;
	(void)offloaded(20000, 1, o);
	assert_int_equal(wire[0].options, TX_OPTION_TCP);
	assert_int_equal(wire[0].context.ip_start, 14);
	assert_int_equal(wire[0].context.ip_end, 0);
	assert_int_equal(wire[0].context.command, TX_DEXT | TX_TSE | TX_TCP | (20000 - 74));
}

/* All mixed, so that every kind stands at every place of the ring. */
static void random_frames(void **state)
{
	static const struct nic_offload offloads[] = {
		{ 0 },
		{ .checksum = true, .csum_start = 34, .csum_offset = 6 },
		{ .checksum = true,
			.csum_start = 34,
			.csum_offset = 16,
			.segment_size = 500,
			.ip_start = 14,
			.header_size = 54 },
	};
	u32 first = 0;

	(void)state;
	srand(1);
	probe();
	while (sent_count < FRAMES - 30) {
		device.silent = rand() % 4 != 0;
		for (u32 i = 0; i < 1 + (u32)rand() % 20; i++) {
			u32 kind = (u32)rand() % 3;
			u32 bytes = 70 + (u32)rand() % (kind == 2 ? 20000 : 1440);
			struct sent *s = frame_make(bytes, 1 + (u32)rand() % 40);

			s->frame.offload = offloads[kind];
			nic_send(nic, &s->frame);
		}
		transmit();
		settle();
		for (; first < wire_count && sents[first].ended != 1; first++)
			is_sent(first, &sents[first]);
	}
	device.silent = false;
	transmit();
	settle();
	assert_int_equal(wire_count, sent_count);
	assert_int_equal(ended_count, sent_count);
	assert_int_equal(nic->stats.resets, 0);
}

static void filters(void **state)
{
	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	assert_true(*reg(E1000_RCTL) & RCTL_BAM);
	assert_false(*reg(E1000_RCTL) & (RCTL_UPE | RCTL_MPE));
	assert_int_equal(nic_filter(nic, false, true), 0);
	assert_int_equal(*reg(E1000_RCTL) & (RCTL_UPE | RCTL_MPE), RCTL_MPE);
	assert_int_equal(nic_filter(nic, true, false), 0);
	assert_int_equal(*reg(E1000_RCTL) & (RCTL_UPE | RCTL_MPE), RCTL_UPE | RCTL_MPE);
	nic_close(nic);
	assert_false(*reg(E1000_RCTL) & (RCTL_UPE | RCTL_MPE));
}

static void link_changes(void **state)
{
	(void)state;
	probe();
	assert_int_equal(nic_open(nic, &user), 0);
	device.link = false;
	device.icr |= (u32)(INT_LSC | (device.pcie ? INT_OTHER : 0));
	settle();
	assert_false(nic->link_up);
	assert_int_equal(links, 1);
	(void)frame_send(nic, 60, 1);
	settle();
	assert_int_equal(sents[0].ended, -ENETDOWN);
	device.link = true;
	device.speed = 1;
	device.icr |= (u32)(INT_LSC | (device.pcie ? INT_OTHER : 0));
	settle();
	assert_true(nic->link_up);
	assert_int_equal(nic->link_mbit, 100);
	(void)frame_send(nic, 60, 1);
	settle();
	is_sent(0, &sents[1]);
	nic_close(nic);
}

/* On a pin, others' interrupts call the handler: it leaves the device alone then. */
static void shared_pin(void **state)
{
	(void)state;
	probe();
	assert_true(driver()->shared);
	assert_int_equal(irq_vp, 0);
	assert_int_equal(nic_open(nic, &user), 0);
	device.other_asserts = true;
	deliver();
	assert_int_equal(work_count, 0);
	assert_int_not_equal(device.ims, 0);
	/* While it is masked a cause that another's interrupt has the handler read is not lost. */
	device.link = false;
	device.icr |= (u32)INT_LSC;
	deliver();
	assert_int_equal(device.ims, 0);
	assert_true(arrive_pattern(0, 60));
	device.other_asserts = true;
	deliver();
	assert_int_equal(device.icr, 0);
	settle();
	assert_int_equal(kept_count, 1);
	assert_false(nic->link_up);
	assert_int_not_equal(device.ims, 0);
	nic_close(nic);
}

#define PIN(name)                                               \
	{                                                       \
#name "_82540", name, setup_pin, teardown, NULL \
	}
#define BOTH(name)                                               \
	PIN(name),                                               \
	{                                                        \
#name "_82574", name, setup_msix, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(what_is_found),
		PIN(other_devices),
		BOTH(address_from_eeprom),
		PIN(phy_that_sleeps),
		BOTH(probes_that_fail),
		BOTH(every_size_is_sent),
		BOTH(every_size_comes),
		BOTH(bursts),
		BOTH(turns_are_bounded),
		BOTH(more_than_it_holds),
		BOTH(ring_full_of_frames_to_send),
		BOTH(large_frames),
		PIN(half_a_frame),
		PIN(checksum_that_came),
		BOTH(checksum_by_device),
		BOTH(cut_by_device),
		BOTH(cut_over_ipv6),
		BOTH(random_frames),
		BOTH(filters),
		BOTH(link_changes),
		PIN(shared_pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
