/* SPDX-License-Identifier: MIT */
/*
 * What a disk says of itself: INQUIRY, its pages of product data, mode pages. Big-endian, in memory of
 * SCSI_DATA_MAX bytes, zeroed. For scsi.c.
 */
#pragma once

#include "base/types.h"
#include "vsp/disk.h"

static inline u16 get_be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static inline u32 get_be32(const u8 *p)
{
	return (u32)get_be16(p) << 16 | get_be16(p + 2);
}

static inline u64 get_be64(const u8 *p)
{
	return (u64)get_be32(p) << 32 | get_be32(p + 4);
}

static inline void put_be16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static inline void put_be32(u8 *p, u32 v)
{
	put_be16(p, (u16)(v >> 16));
	put_be16(p + 2, (u16)v);
}

static inline void put_be64(u8 *p, u64 v)
{
	put_be32(p, (u32)(v >> 32));
	put_be32(p + 4, (u32)v);
}

/* Standard data; @d NULL: of a unit that is not there. Returns how many bytes. */
u32 scsi_inquiry(const struct vsp_disk *d, u8 *to);
/* Page @page of vital product data; 0: there is none. */
u32 scsi_vpd(const struct vsp_disk *d, u8 page, u8 *to);
/* The mode pages that @page asks for, behind the header; 0: there are none. */
u32 scsi_mode_pages(const struct vsp_disk *d, u8 page, u8 *to);
/* The header's byte of the device: write protection, FUA. */
u8 scsi_mode_flags(const struct vsp_disk *d);
