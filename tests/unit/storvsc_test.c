/* SPDX-License-Identifier: MIT */
/*
 * Both ends together: our client and its disk driver against our server and its SCSI controller, with a disk in memory. Versions,
 * offers that come later, opening and closing again and again, data at every offset, disks that come and go, errors;
 * sub-channels, with many requests on each.
 * sources: vsc/storvsc.c vsc/storvsc_disk.c vmbus/client.c
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c vmbus/server.c vmbus/server_messages.c vmbus/channel.c
 * sources: vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "vsc/storvsc.h"

#include "tests/unit/storvsp_host.h"

#define CHANNELS 4u
#define RINGS    8u   /* the first page of the rings' memory */
#define DATA     100u /* pages for data */
/* In the guest's RAM, as the answers to it are: of the primary and of its sub-channels. */
#define driver_of(i) ((struct storvsc *)(void *)ram[4 + (i)])
#define driver       (*driver_of(0))
static_assert(sizeof(struct storvsc) <= 4096);

static struct vmbus_client client;
static u32 taken, newest; /* messages that were received; the newest version that the host knows */
static bool signalled_once;

/* ---- the client's host: what it posts the server has at once ---- */

static int client_post(void *context, u32 connection, const void *message, u32 size)
{
	const struct vmbus_contact *m = message;

	(void)context;
	assert_true(size <= VMBUS_MESSAGE_MAX);
	/* A host that is older does not have that connection, or that version. */
	if (connection == VMBUS_CONNECTION_CONTACT && newest < VMBUS_VERSION_5_0)
		return -ENOENT;
	if (m->header.type == VMBUS_INITIATE_CONTACT && m->version > newest)
		return -ENOENT;
	vmbus_server_message(&s, message, size);
	attend();
	return 0;
}

static u32 client_receive(void *context, void *message)
{
	(void)context;
	/* What the provider asked for is done meanwhile. */
	if (wanted > 0)
		storvsp_offer_channels(&controller, wanted);
	wanted = 0;
	assert_true(taken < sent_count);
	memcpy(message, sent[taken].bytes, sent[taken].size);
	return sent[taken++].size;
}

static void client_signal(void *context, u32 connection)
{
	u32 found = 0;

	(void)context;
	for (u32 i = 0; i < CHANNELS; i++) {
		const struct storvsp_channel *ch = controller.channels[i];

		found += ch != NULL && ch->c.state == VMBUS_CHANNEL_OPEN &&
			 ch->c.connection == connection;
	}
	assert_int_equal(found, 1);
	signalled_once = true;
}

static u64 client_pfn(void *context, const void *p)
{
	(void)context;
	assert_true((const u8 *)p >= ram[0] && (const u8 *)p < ram[0] + sizeof(ram));
	return (u64)((const u8 *)p - ram[0]) / 4096;
}

static const struct vmbus_client_host client_host = {
	.post = client_post,
	.receive = client_receive,
	.signal = client_signal,
	.pfn = client_pfn,
};

/* The host does something; there is something to be done, or the client would wait for ever. */
static void client_wait(void *context)
{
	(void)context;
	if (signalled_once || agains > 0) {
		signalled_once = false;
		agains = 0;
		for (u32 i = 0; i < CHANNELS; i++) {
			struct storvsp_channel *ch = controller.channels[i];

			if (ch != NULL && ch->c.state == VMBUS_CHANNEL_OPEN)
				vmbus_server_signalled(&ch->c);
		}
		return;
	}
	assert_true(disk_step(&disks[0]) || disk_step(&disks[1]));
}

static void open_driver(void)
{
	memset(ram[RINGS], 0, STORVSC_RING_PAGES * 4096);
	driver = (struct storvsc){ .wait = client_wait };
	assert_int_equal(storvsc_open(&driver, &client, ram[RINGS], 2), 0);
}

static int setup(void **state)
{
	static const struct guid instance = { { 1 } };

	(void)state;
	sent_count = taken = connections = attends = wanted = 0;
	newest = VMBUS_VERSION_5_3;
	seed = 1;
	signalled_once = false;
	agains = 0;
	vmbus_server_init(&s, &host, VPS);
	assert_int_equal(
		storvsp_create(&controller, &storvsp_host, &s, &instance, 64, CHANNELS - 1), 0);
	assert_int_equal(storvsp_set_lun(&controller, 0, disk_init(0)), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (disk_step(&disks[0]) || disk_step(&disks[1]))
		;
	if (!vmbus_server_end(&s))
		attend();
	attends = 0;
	return objects == 0 && connections == 0 ? 0 : -1;
}

static void versions(void **state)
{
	static const u32 known[] = { VMBUS_VERSION_2_4, VMBUS_VERSION_3_0, VMBUS_VERSION_4_1,
		VMBUS_VERSION_5_0, VMBUS_VERSION_5_3 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(known); i++) {
		newest = known[i];
		assert_int_equal(vmbus_client_connect(&client, &client_host, 1), 0);
		assert_int_equal(client.version, known[i]);
		assert_int_equal(client.connection, 1);
		assert_int_equal(client.lost, 0);
		open_driver();
		storvsc_close(&driver);
		vmbus_client_unload(&client);
		assert_int_equal(taken, sent_count);
	}
	newest = 5;
	assert_int_equal(vmbus_client_connect(&client, &client_host, 1), -ENOTSUP);
}

static void data(void **state)
{
	static u8 model[SECTORS * 512];
	struct storvsc_disk d;

	(void)state;
	assert_int_equal(vmbus_client_connect(&client, &client_host, 1), 0);
	open_driver();
	assert_true(driver.version == VSTOR_VERSION_6_2 && driver.max_transfer == MIB);
	assert_int_equal(storvsc_capacity(&driver, 0, &d), 0);
	assert_true(d.sectors == SECTORS && d.sector_size == 512);
	for (u32 i = 0; i < 4000; i++) {
		u32 count = 1 + any(any(4) ? 16 : STORVSC_BYTES_MAX / 512);
		u32 sector = any(SECTORS - count);
		/* Anywhere, not at a sector's bounds only. */
		u8 *at = ram[DATA] + any(64 * 4096);

		if (any(2)) {
			for (u32 k = 0; k < count * 512; k++)
				at[k] = model[sector * 512 + k] = (u8)any(256);
			assert_int_equal(storvsc_write(&driver, 0, &d, sector, at, count), 0);
		} else {
			assert_int_equal(storvsc_read(&driver, 0, &d, sector, at, count), 0);
			assert_memory_equal(at, model + sector * 512, count * 512);
		}
	}
	assert_int_equal(storvsc_flush(&driver, 0), 0);
	assert_int_equal(disks[0].flushes, 1);
	assert_memory_equal(disks[0].bytes, model, sizeof(model));
	/* Closed with nothing left, and opened again. */
	for (u32 i = 0; i < 3; i++) {
		storvsc_close(&driver);
		open_driver();
		assert_int_equal(storvsc_read(&driver, 0, &d, 7, ram[DATA], 8), 0);
		assert_memory_equal(ram[DATA], model + 7 * 512, 8 * 512);
	}
	assert_int_equal(client.lost, 0);
}

static void failures(void **state)
{
	struct storvsc_disk d;

	(void)state;
	assert_int_equal(vmbus_client_connect(&client, &client_host, 1), 0);
	open_driver();
	assert_int_equal(storvsc_capacity(&driver, 0, &d), 0);
	assert_int_equal(storvsc_capacity(&driver, 1, &d), -ENODEV);
	assert_int_equal(storvsc_read(&driver, 0, &d, SECTORS, ram[DATA], 1), -EIO);
	assert_true(driver.sense[2] == 5 && driver.sense[12] == 0x21);
	disks[0].error = -EIO;
	assert_int_equal(storvsc_write(&driver, 0, &d, 0, ram[DATA], 1), -EIO);
	assert_true(driver.sense[2] == 3 && driver.sense[12] == 0x0c);
	disks[0].error = 0;
	/* It comes while the driver is there, and goes. */
	assert_int_equal(storvsp_set_lun(&controller, 1, disk_init(1)), 0);
	assert_int_equal(storvsc_capacity(&driver, 1, &d), 0);
	assert_int_equal(storvsp_set_lun(&controller, 1, NULL), 0);
	assert_int_equal(storvsc_capacity(&driver, 1, &d), -ENODEV);
	storvsc_close(&driver);
}

/* ---- sub-channels ---- */

static struct storvsc_request requests[CHANNELS][STORVSC_DEPTH];

static void open_subchannels(void)
{
	for (u32 i = 1; i < CHANNELS; i++) {
		u8 *memory = ram[RINGS + i * STORVSC_RING_PAGES];

		memset(memory, 0, STORVSC_RING_PAGES * 4096);
		*driver_of(i) = (struct storvsc){ .wait = client_wait };
		assert_int_equal(
			storvsc_open_subchannel(driver_of(i), &driver, (u16)i, memory, i), 0);
		assert_int_equal(driver_of(i)->version, VSTOR_VERSION_6_2);
	}
}

/* Each has its own two pages and 16 sectors. */
static u8 *data_of(u32 channel, u32 k)
{
	return ram[DATA + 2 * (channel * STORVSC_DEPTH + k)];
}

static void submit_all(const struct storvsc_disk *d, bool write)
{
	for (u32 i = 0; i < CHANNELS; i++) {
		struct storvsc_request one_more = { .cdb_size = 6 };

		for (u32 k = 0; k < STORVSC_DEPTH; k++) {
			storvsc_transfer(&requests[i][k], 0, d, write, (i * STORVSC_DEPTH + k) * 16,
				data_of(i, k), 16);
			assert_int_equal(storvsc_submit(driver_of(i), &requests[i][k]), 0);
		}
		assert_int_equal(storvsc_submit(driver_of(i), &one_more), -EAGAIN);
	}
}

/* Whoever is waited for: the others are done meanwhile or later, and all are at the end. */
static void finish_all(void)
{
	for (u32 n = CHANNELS * STORVSC_DEPTH; n-- > 0;) {
		u32 i = n % CHANNELS, k = n / CHANNELS;

		assert_int_equal(storvsc_finish(driver_of(i), &requests[i][k]), 16 * 512);
	}
	for (u32 i = 0; i < CHANNELS; i++)
		assert_int_equal(storvsc_poll(driver_of(i)), 0);
}

static void many_requests(const struct storvsc_disk *d, u8 with)
{
	for (u32 i = 0; i < CHANNELS; i++) {
		for (u32 k = 0; k < STORVSC_DEPTH; k++)
			memset(data_of(i, k), (int)(with + i * STORVSC_DEPTH + k), 16 * 512);
	}
	submit_all(d, true);
	finish_all();
	for (u32 i = 0; i < CHANNELS * STORVSC_DEPTH; i++)
		assert_memory_equal(disks[0].bytes + i * 16 * 512, data_of(0, i), 16 * 512);
	memset(ram[DATA], 0, 2ul * CHANNELS * STORVSC_DEPTH * 4096);
	submit_all(d, false);
	finish_all();
	for (u32 i = 0; i < CHANNELS * STORVSC_DEPTH; i++)
		assert_memory_equal(disks[0].bytes + i * 16 * 512, data_of(0, i), 16 * 512);
}

static void subchannels(void **state)
{
	struct storvsc_disk d;

	(void)state;
	assert_int_equal(vmbus_client_connect(&client, &client_host, 1), 0);
	for (u32 round = 0; round < 3; round++) {
		open_driver();
		assert_int_equal(driver.max_subchannels, CHANNELS - 1);
		assert_int_equal(storvsc_ask_subchannels(&driver, CHANNELS), -ENOTSUP);
		assert_int_equal(storvsc_ask_subchannels(&driver, CHANNELS - 1), 0);
		open_subchannels();
		assert_int_equal(storvsc_capacity(driver_of(3), 0, &d), 0);
		assert_true(last_vp == 3 && last_relid == driver_of(3)->channel.relid);
		many_requests(&d, (u8)(round * 77));
		assert_int_equal(storvsc_reset(&driver), 0);
		for (u32 i = CHANNELS - 1; i > 0; i--)
			storvsc_close(driver_of(i));
		storvsc_close(&driver);
		/* Their offers have gone with their primary, and nothing is left to be read. */
		for (u32 i = 0; i < VMBUS_CLIENT_OFFERS; i++)
			assert_true(
				client.offers[i].relid == 0 || client.offers[i].subchannel == 0);
		assert_int_equal(taken, sent_count);
		assert_int_equal(client.lost, 0);
	}
}

/* What came for an earlier connection is not the new one's. */
static void anew(void **state)
{
	static const struct guid instance = { { 2 } };
	static struct storvsp another;
	u32 offers = 0;

	(void)state;
	assert_int_equal(vmbus_client_connect(&client, &client_host, 1), 0);
	/* An offer that nobody reads before the next contact. */
	assert_int_equal(storvsp_create(&another, &storvsp_host, &s, &instance, 64, 0), 0);
	assert_int_equal(taken + 1, sent_count);
	assert_int_equal(vmbus_client_connect(&client, &client_host, 1), 0);
	for (u32 i = 0; i < VMBUS_CLIENT_OFFERS; i++)
		offers += client.offers[i].relid != 0;
	assert_int_equal(offers, 2);
	assert_int_equal(client.lost, 0);
}

static void no_controller(void **state)
{
	(void)state;
	assert_int_equal(vmbus_client_connect(&client, &client_host, 1), 0);
	vmbus_server_withdraw(&controller.channels[0]->c);
	/* The rescind is taken, and answered, with whatever is waited for next. */
	vmbus_client_note(&client, sent[taken].bytes, sent[taken].size);
	taken++;
	assert_null(controller.channels[0]);
	memset(ram[RINGS], 0, STORVSC_RING_PAGES * 4096);
	assert_int_equal(storvsc_open(&driver, &client, ram[RINGS], 2), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(versions, setup, teardown),
		cmocka_unit_test_setup_teardown(data, setup, teardown),
		cmocka_unit_test_setup_teardown(failures, setup, teardown),
		cmocka_unit_test_setup_teardown(subchannels, setup, teardown),
		cmocka_unit_test_setup_teardown(anew, setup, teardown),
		cmocka_unit_test_setup_teardown(no_controller, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
