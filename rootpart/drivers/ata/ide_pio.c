/* SPDX-License-Identifier: MIT */
/*
 * Commands whose data the processor moves, without interrupts: IDENTIFY, packets
 * of the driver's own, and all packets of drives without DMA. How much a drive gives is
 * its word, so more than was asked for is read and dropped. ATA/ATAPI-6, 9.5, 9.8.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "x86/io.h"

#define IDENTIFY_NS  NS_PER_S
#define PACKET_NS    (1500 * NS_PER_MS)
#define WANT_NS      (20 * NS_PER_MS) /* until a drive wants the packet */
#define CHUNK        0xf800u          /* bytes that it gives at a time: even, below 64 KiB */
#define SETTLE_NS    400u
#define PACKET_WORDS 6u

static u16 data_in(const struct ide_channel *ch)
{
	return in16((u16)(ch->command_port + IDE_DATA));
}

int ide_identify(struct ide_device *d, bool packet, struct ata_identity *out)
{
	const struct ata_taskfile t = { .command = packet ? ATA_IDENTIFY_PACKET : ATA_IDENTIFY };
	struct ide_channel *ch = d->channel;
	u16 words[ATA_WORDS];
	int error;

	ide_control(ch, IDE_NO_INTERRUPT);
	error = ide_select(d);
	if (error != 0)
		return error;
	ide_issue(d, &t);
	/* One that is not there does not even say that it is busy. */
	if (ide_status(ch) == 0)
		return -ENODEV;
	error = ide_wait(ch, ATA_BSY, 0, IDENTIFY_NS);
	if (error != 0)
		return error;
	if ((ide_read(ch, IDE_STATUS) & (ATA_ERR | ATA_DF | ATA_DRQ)) != ATA_DRQ)
		return -EIO;
	for (u32 i = 0; i < ATA_WORDS; i++)
		words[i] = data_in(ch);
	return ata_identity_read(words, packet, out);
}

int ide_packet_wait(struct ide_device *d)
{
	struct ide_channel *ch = d->channel;
	int error = ide_wait(ch, ATA_BSY, 0, WANT_NS);
	u8 status = ide_read(ch, IDE_STATUS);

	if (error != 0)
		return error;
	if ((status & ATA_DRQ) != 0)
		return 0;
	return (status & ATA_ERR) != 0 ? -EIO : -EPROTO;
}

void ide_packet_send(struct ide_device *d, const struct ide_command *command)
{
	const u8 *bytes = command->packet.bytes;
	u32 words = d->identity.packet_16 ? ATAPI_PACKET / 2 : PACKET_WORDS;
	u16 port = (u16)(d->channel->command_port + IDE_DATA);

	for (u32 i = 0; i < words; i++)
		out16(port, (u16)(bytes[2 * i] | bytes[2 * i + 1] << 8));
	time_spin_ns(SETTLE_NS);
}

/* Where the next bytes go. */
struct sink {
	const struct ide_region *region;
	u32 offset;
	u32 left;
};

static u32 region_bytes(const struct ide_region *r)
{
	return r->bytes != 0 ? r->bytes : REGION_MAX;
}

/* Regions are of even sizes, at even addresses. */
static void put(struct sink *s, u16 v)
{
	u8 *p;

	if (s->left == 0)
		return;
	p = gpa_ptr(GPA(s->region->address + s->offset));
	memcpy(p, &v, sizeof(v));
	s->left -= 2;
	s->offset += 2;
	if (s->offset == region_bytes(s->region)) {
		s->region++;
		s->offset = 0;
	}
}

static void take_chunk(const struct ide_channel *ch, struct sink *s)
{
	u32 bytes = ide_read(ch, IDE_LBA_MID) | (u32)ide_read(ch, IDE_LBA_HIGH) << 8;

	for (u32 i = 0; i < bytes; i += 2)
		put(s, data_in(ch));
}

/* Chunks until the drive says that it has no more. */
static int take_all(struct ide_device *d, struct sink *s)
{
	struct ide_channel *ch = d->channel;
	/* Each brings something. */
	u32 chunks = s->left / 2 + 16;

	for (u32 i = 0; i < chunks; i++) {
		int error = ide_wait(ch, ATA_BSY, 0, PACKET_NS);
		u8 status = ide_read(ch, IDE_STATUS);

		if (error != 0)
			return error;
		if ((status & ATA_DRQ) == 0)
			return ide_verdict(status);
		take_chunk(ch, s);
		time_spin_ns(SETTLE_NS);
	}
	return -EPROTO;
}

int ide_packet_pio(
	struct ide_device *d, const struct ide_command *command, const struct ide_region *regions)
{
	struct ata_taskfile t = command->taskfile;
	struct sink s = { .region = regions, .left = command->bytes };
	int error;

	t.features = 0;
	t.lba = CHUNK << 8;
	ide_control(d->channel, IDE_NO_INTERRUPT);
	error = ide_select(d);
	if (error != 0)
		return error;
	ide_issue(d, &t);
	error = ide_packet_wait(d);
	if (error != 0)
		return error;
	ide_packet_send(d, command);
	return take_all(d, &s);
}

static int send(struct atapi_drive *drive, const struct atapi_packet *packet, void *data, u32 bytes)
{
	struct ide_device *d = container_of(drive, struct ide_device, drive);
	const struct ide_region region = { (u32)gpa_of(d->own).a, (u16)bytes, REGION_LAST };
	const struct ide_command command = {
		.taskfile = { .command = ATA_PACKET },
		.packet = *packet,
		.bytes = bytes,
		.to_memory = true,
	};
	int error;

	memset(d->own, 0, ATA_BLOCK);
	error = ide_packet_pio(d, &command, &region);
	if (error == 0 && bytes != 0)
		memcpy(data, d->own, bytes);
	return error;
}

void ide_drive_init(struct ide_device *d)
{
	d->drive = (struct atapi_drive){ .block = &d->block, .send = send };
}
