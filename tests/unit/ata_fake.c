/* SPDX-License-Identifier: MIT */
/*
 * See ata_fake.h.
 */
#include "tests/unit/ata_fake.h"

#include <stdlib.h>
#include <string.h>

void ata_fake_init(struct ata_fake *d, u64 sectors, u32 seed)
{
	*d = (struct ata_fake){ .present = true,
		.dma = true,
		.lba48 = true,
		.write_cache = true,
		.sector_size = 512,
		.sectors = sectors,
		.bad_sector = ATA_FAKE_NO_SECTOR };
	d->data = malloc(sectors * 2048);
	for (u64 i = 0; i < sectors * 2048; i++) {
		seed = seed * 1103515245u + 12345u;
		d->data[i] = (u8)(seed >> 16);
	}
}

void ata_fake_free(struct ata_fake *d)
{
	free(d->data);
	d->data = NULL;
	d->present = false;
}

static void put_text(u16 *words, u32 first, u32 count, const char *text)
{
	size_t n = strlen(text);

	for (u32 i = 0; i < count * 2; i++) {
		u8 c = i < n ? (u8)text[i] : ' ';

		words[first + i / 2] |= (u16)(i % 2 == 0 ? c << 8 : c);
	}
}

static void identify_disk(const struct ata_fake *d, u16 *w)
{
	w[49] = (u16)(1 << 9 | d->dma << 8);
	w[60] = (u16)d->sectors;
	w[61] = (u16)(d->sectors >> 16);
	w[83] = (u16)(0x4000 | (d->lba48 ? 1 << 13 | 1 << 10 : 0) | 1 << 12);
	w[84] = (u16)(0x4000 | d->fua << 6);
	w[85] = (u16)(d->write_cache << 5);
	w[87] = 0x4000;
	if (d->lba48)
		for (u32 i = 0; i < 4; i++)
			w[100 + i] = (u16)(d->sectors >> (16 * i));
	if (d->sector_size != 512) {
		w[106] = 0x5000;
		w[117] = (u16)(d->sector_size / 2);
	}
	if (d->queue_depth != 0) {
		w[75] = (u16)(d->queue_depth - 1);
		w[76] = 1 << 8;
	}
	w[169] = d->trim;
}

void ata_fake_identify(const struct ata_fake *d, u16 words[256])
{
	u8 sum = 0;

	memset(words, 0, 512);
	put_text(words, 10, 10, "SN-0001");
	put_text(words, 27, 20, d->packet ? "FAKE CD" : "FAKE DISK");
	if (d->packet) {
		words[0] = 0x8580;
		words[49] = (u16)(1 << 9 | d->dma << 8);
	} else {
		identify_disk(d, words);
	}
	words[255] = 0xa5;
	for (u32 i = 0; i < 512; i++)
		sum = (u8)(sum + ((u8 *)words)[i]);
	words[255] |= (u16)((u8)-sum << 8);
	if (d->garbage)
		memset(words, 0x5a, 512);
}

u8 *ata_fake_at(const struct ata_fake *d, u64 sector)
{
	return d->data + (sector - d->base) * d->sector_size;
}

bool ata_fake_range(const struct ata_fake *d, u64 sector, u64 count)
{
	return sector >= d->base && sector < d->sectors && count <= d->sectors - sector;
}

bool ata_fake_is_bad(const struct ata_fake *d, u64 sector, u64 count)
{
	return d->bad_sector >= sector && d->bad_sector - sector < count;
}

void ata_fake_trim(struct ata_fake *d, const u64 ranges[64])
{
	for (u32 i = 0; i < 64; i++) {
		u64 sector = ranges[i] & 0xffffffffffff, count = ranges[i] >> 48;

		if (count != 0)
			memset(ata_fake_at(d, sector), 0, count * d->sector_size);
	}
	d->trims++;
}

static int check(struct ata_fake *d, u8 key, u8 asc)
{
	d->sense_key = key;
	d->asc = asc;
	return -1;
}

static void put32(u8 *p, u32 v)
{
	for (u32 i = 0; i < 4; i++)
		p[i] = (u8)(v >> (24 - 8 * i));
}

static u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

int ata_fake_packet(
	struct ata_fake *d, const u8 *packet, u8 *out, u32 *bytes, u64 *sector, u32 *count)
{
	*bytes = 0;
	*count = 0;
	if (packet[0] == 0x03) {
		memset(out, 0, 18);
		out[0] = 0x70;
		out[2] = d->sense_key;
		out[12] = d->asc;
		d->sense_key = d->asc = 0;
		*bytes = 18;
		return 0;
	}
	if (d->sense_key == 6)
		return -1;
	if (d->no_medium)
		return check(d, 2, 0x3a);
	switch (packet[0]) {
	case 0x00:
		return 0;
	case 0x25:
		put32(out, (u32)d->sectors - 1);
		put32(out + 4, 2048);
		*bytes = 8;
		return 0;
	case 0x28:
		*sector = get32(packet + 2);
		*count = (u32)packet[7] << 8 | packet[8];
		if (!ata_fake_range(d, *sector, *count))
			return check(d, 5, 0x21);
		return ata_fake_is_bad(d, *sector, *count) ? check(d, 3, 0x11) : 0;
	default:
		return check(d, 5, 0x20);
	}
}
