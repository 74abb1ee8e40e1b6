/* SPDX-License-Identifier: MIT */
/*
 * What a fake ATA device has, whatever it is attached to: contents, IDENTIFY data,
 * and the ways in which it is to fail.
 */
#pragma once

#include "base/types.h"

#define ATA_FAKE_NO_SECTOR (~0ull)

struct ata_fake {
	bool present;
	bool packet;
	bool dma;
	bool lba48;
	bool write_cache;
	bool trim;
	bool fua;
	bool garbage; /* IDENTIFY data is */
	bool no_medium;
	u32 queue_depth; /* 0: no NCQ */
	u32 sector_size;
	u64 sectors;
	u64 base; /* sectors before those that have contents */
	u8 *data;
	u64 bad_sector; /* reading it is an error */
	u8 sense_key;   /* that a packet fails with next */
	u8 asc;
	u32 flushes, trims;
};

/* @d with its contents by random bytes of @seed. */
void ata_fake_init(struct ata_fake *d, u64 sectors, u32 seed);
void ata_fake_free(struct ata_fake *d);
void ata_fake_identify(const struct ata_fake *d, u16 words[256]);
/* A sector's contents. */
u8 *ata_fake_at(const struct ata_fake *d, u64 sector);
bool ata_fake_range(const struct ata_fake *d, u64 sector, u64 count);
bool ata_fake_is_bad(const struct ata_fake *d, u64 sector, u64 count);
/* Does TRIM: trimmed sectors read as zeros. */
void ata_fake_trim(struct ata_fake *d, const u64 ranges[64]);
/* @packet's answer in @out, its length in *@bytes; READ(10): *@sector, *@count. 0; else check condition. */
int ata_fake_packet(
	struct ata_fake *d, const u8 *packet, u8 *out, u32 *bytes, u64 *sector, u32 *count);
