/* SPDX-License-Identifier: MIT */
/*
 * SPC-4 6.4 and 7.8, SBC-3 6.4 and 6.6. An identifier is the disk's own for ever, so that a guest finds it by
 * it, whatever the order of disks.
 */
#include "vsp/storvsp/scsi_answers.h"

#include "lib/string.h"

#define VENDOR       "VERDIGRS"
#define PRODUCT      "Virtual Disk    "
#define REVISION     "1.0 "
#define NO_DEVICE    0x7f /* qualifier 3, type 1fh */
#define SPC_4        6u

#define PAGE_CACHING 0x08u
#define PAGE_ALL     0x3fu
#define ID_TEXT      32u

/* In ascending order. */
static const u8 pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };

u32 scsi_inquiry(const struct vsp_disk *d, u8 *to)
{
	to[0] = d != NULL ? 0 : NO_DEVICE;
	to[2] = SPC_4;
	to[3] = 2; /* the form of these data */
	to[4] = 36 - 5;
	if (d == NULL)
		return 36;
	to[7] = BIT(1); /* queues commands */
	memcpy(to + 8, VENDOR, 8);
	memcpy(to + 16, PRODUCT, 16);
	memcpy(to + 32, REVISION, 4);
	return 36;
}

static void id_text(const struct vsp_disk *d, u8 *to)
{
	static const char digits[] = "0123456789abcdef";

	for (u32 i = 0; i < sizeof(d->id); i++) {
		to[2 * i] = (u8)digits[d->id[i] >> 4];
		to[2 * i + 1] = (u8)digits[d->id[i] & 15];
	}
}

static u32 list_of_pages(u8 *to)
{
	memcpy(to, pages, sizeof(pages));
	return sizeof(pages);
}

static u32 serial_number(const struct vsp_disk *d, u8 *to)
{
	id_text(d, to);
	return ID_TEXT;
}

/* Two designators of the unit: vendor and text; a locally assigned number of 64 bits. */
static u32 identification(const struct vsp_disk *d, u8 *to)
{
	u8 *naa = to + 4 + 8 + ID_TEXT;

	to[0] = 2; /* ASCII */
	to[1] = 1; /* T10 vendor identification */
	to[3] = 8 + ID_TEXT;
	memcpy(to + 4, VENDOR, 8);
	id_text(d, to + 12);
	naa[0] = 1; /* binary */
	naa[1] = 3; /* NAA */
	naa[3] = 8;
	memcpy(naa + 4, d->id, 8);
	naa[4] = (u8)(0x30 | (naa[4] & 15));
	return 4 + 8 + ID_TEXT + 4 + 8;
}

static u32 block_limits(const struct vsp_disk *d, u8 *to)
{
	u32 most = VSP_DISK_BYTES_MAX / d->sector_size;

	put_be32(to + 4, most); /* of a transfer */
	put_be32(to + 8, most);
	if (d->max_discard != 0) {
		put_be32(to + 16, (u32)MIN(d->max_discard / d->sector_size, 0xffffffffull));
		put_be32(to + 20, 1); /* descriptors */
		put_be32(to + 24, 4096 / d->sector_size);
	}
	return 0x3c;
}

static u32 characteristics(u8 *to)
{
	put_be16(to, 1); /* nothing rotates */
	return 0x3c;
}

static u32 provisioning(const struct vsp_disk *d, u8 *to)
{
	to[1] = d->max_discard != 0 ? BIT(7) : 0; /* by UNMAP */
	return 4;
}

u32 scsi_vpd(const struct vsp_disk *d, u8 page, u8 *to)
{
	u8 *data = to + 4;
	u32 size;

	switch (page) {
	case 0x00:
		size = list_of_pages(data);
		break;
	case 0x80:
		size = serial_number(d, data);
		break;
	case 0x83:
		size = identification(d, data);
		break;
	case 0xb0:
		size = block_limits(d, data);
		break;
	case 0xb1:
		size = characteristics(data);
		break;
	case 0xb2:
		size = provisioning(d, data);
		break;
	default:
		return 0;
	}
	to[1] = page;
	put_be16(to + 2, (u16)size);
	return 4 + size;
}

u32 scsi_mode_pages(const struct vsp_disk *d, u8 page, u8 *to)
{
	if ((page & 0x3f) != PAGE_CACHING && (page & 0x3f) != PAGE_ALL)
		return 0;
	to[0] = PAGE_CACHING;
	to[1] = 18;
	/* None of it can be changed: the mask of what could is all zeroes. */
	if ((page & 0xc0) != 0x40)
		to[2] = d->write_cache && !d->read_only ? BIT(2) : 0;
	return 20;
}

u8 scsi_mode_flags(const struct vsp_disk *d)
{
	return (u8)((d->read_only ? BIT(7) : 0) | BIT(4));
}
