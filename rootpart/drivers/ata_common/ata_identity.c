/* SPDX-License-Identifier: MIT */
/*
 * IDENTIFY data to struct ata_identity; see ata_identity.h. Words are numbered
 * as in the standard.
 */
#include "rootpart/drivers/ata_common/ata_identity.h"

#include "base/errno.h"

enum {
	WORD_GENERAL = 0,
	WORD_SERIAL = 10,
	WORD_FIRMWARE = 23,
	WORD_MODEL = 27,
	WORD_CAPABILITIES = 49,
	WORD_SECTORS_28 = 60,
	WORD_PACKET_DMA = 62,
	WORD_QUEUE_DEPTH = 75,
	WORD_SATA = 76,
	WORD_SUPPORTED_2 = 83,
	WORD_SUPPORTED_3 = 84,
	WORD_ENABLED_1 = 85,
	WORD_ENABLED_2 = 86,
	WORD_ENABLED_3 = 87,
	WORD_SECTORS_48 = 100,
	WORD_SECTOR_SIZES = 106,
	WORD_LOGICAL_SIZE = 117,
	WORD_TRIM = 169,
	WORD_INTEGRITY = 255,
};

#define SECTORS_MAX (BIT(48))

static bool bit(const u16 *words, u32 word, u32 n)
{
	return (words[word] >> n) & 1;
}

/* Words 83, 84, 87 and 106 count where their upper bits are 01. */
static bool valid(u16 word)
{
	return word >> 14 == 1;
}

static u64 number(const u16 *words, u32 word, u32 count)
{
	u64 v = 0;

	for (u32 i = count; i-- > 0;)
		v = v << 16 | words[word + i];
	return v;
}

/* The first character of each word is in its upper byte. What cannot be printed becomes '?'. */
static void text(const u16 *words, u32 word, char *out, u32 size)
{
	u32 n = 0;

	for (u32 i = 0; i < size - 1; i++) {
		u8 c = (u8)(words[word + i / 2] >> (i % 2 == 0 ? 8 : 0));

		if (c == 0)
			c = ' ';
		if (c == ' ' && n == 0)
			continue;
		out[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* With the signature A5h the bytes of all words add up to 0. */
static bool sum_fits(const u16 *words)
{
	u8 sum = 0;

	if ((words[WORD_INTEGRITY] & 0xff) != 0xa5)
		return true;
	for (u32 i = 0; i < ATA_WORDS; i++)
		sum = (u8)(sum + (words[i] & 0xff) + (words[i] >> 8));
	return sum == 0;
}

static int read_sizes(const u16 *words, struct ata_identity *id)
{
	u16 sizes = words[WORD_SECTOR_SIZES];

	id->sector_size = 512;
	if (valid(sizes) && (sizes & BIT(12))) {
		u64 half = number(words, WORD_LOGICAL_SIZE, 2);

		if (half != 256 && half != 2048)
			return -ENOTSUP;
		id->sector_size = (u32)half * 2;
	}
	id->physical_size = id->sector_size;
	if (valid(sizes) && (sizes & BIT(13)) && (sizes & 0xf) <= 8)
		id->physical_size <<= sizes & 0xf;
	id->sectors =
		id->lba48 ? number(words, WORD_SECTORS_48, 4) : number(words, WORD_SECTORS_28, 2);
	return id->sectors == 0 || id->sectors > SECTORS_MAX ? -EPROTO : 0;
}

static void read_features(const u16 *words, struct ata_identity *id)
{
	bool enabled = valid(words[WORD_ENABLED_3]);
	u16 sata = words[WORD_SATA];

	id->lba48 = valid(words[WORD_SUPPORTED_2]) && bit(words, WORD_SUPPORTED_2, 10);
	id->flush_ext = id->lba48 && bit(words, WORD_SUPPORTED_2, 13);
	id->write_cache = enabled && bit(words, WORD_ENABLED_1, 5);
	id->fua = id->lba48 && valid(words[WORD_SUPPORTED_3]) && bit(words, WORD_SUPPORTED_3, 6);
	id->trim = id->lba48 && bit(words, WORD_TRIM, 0) && words[WORD_TRIM] != 0xffff;
	if (id->lba48 && sata != 0xffff && (sata & BIT(8)))
		id->queue_depth = (words[WORD_QUEUE_DEPTH] & 0x1fu) + 1;
}

static int read_disk(const u16 *words, struct ata_identity *id)
{
	if (bit(words, WORD_GENERAL, 15))
		return -EPROTO;
	if (!bit(words, WORD_CAPABILITIES, 9))
		return -ENOTSUP;
	id->dma = bit(words, WORD_CAPABILITIES, 8);
	read_features(words, id);
	return read_sizes(words, id);
}

/* Command packet set 5 is that of CD and DVD drives. */
static int read_packet(const u16 *words, struct ata_identity *id)
{
	u16 general = words[WORD_GENERAL];

	if (general >> 14 != 2)
		return -EPROTO;
	if (((general >> 8) & 0x1f) != 5 || (general & 3) > 1)
		return -ENOTSUP;
	id->packet = true;
	id->removable = general & BIT(7);
	id->packet_interrupt = ((general >> 5) & 3) == 1;
	id->packet_16 = (general & 3) == 1;
	id->packet_direction = bit(words, WORD_PACKET_DMA, 15);
	id->dma = bit(words, WORD_CAPABILITIES, 8) ||
		  (id->packet_direction && bit(words, WORD_PACKET_DMA, 10));
	return 0;
}

int ata_identity_read(const u16 *words, bool packet, struct ata_identity *out)
{
	*out = (struct ata_identity){ 0 };
	if (!sum_fits(words))
		return -EPROTO;
	text(words, WORD_SERIAL, out->serial, sizeof(out->serial));
	text(words, WORD_FIRMWARE, out->firmware, sizeof(out->firmware));
	text(words, WORD_MODEL, out->model, sizeof(out->model));
	return packet ? read_packet(words, out) : read_disk(words, out);
}
