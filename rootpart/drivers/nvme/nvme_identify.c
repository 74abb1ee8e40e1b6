/* SPDX-License-Identifier: MIT */
/*
 * What a controller, and a namespace, say of themselves, read from n->page.
 * Nothing is believed that would not work. NVM Express 1.4, 5.15.2.
 */
#include "lib/string.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/time.h"

#define LIST_ENTRY 8u
/* Bytes that one command drops. */
#define DISCARD_MAX GIB
#define SHIFT_512   9u
#define SHIFT_4096  12u

static u8 get8(const struct nvme *n, u32 at)
{
	return ((const u8 *)n->page)[at];
}

static u32 get32(const struct nvme *n, u32 at)
{
	u32 v;

	memcpy(&v, (const u8 *)n->page + at, sizeof(v));
	return v;
}

/* Padded with spaces; what is no printable character becomes a question mark. */
static void get_text(const struct nvme *n, u32 at, u32 len, char *out)
{
	u32 end = 0;

	for (u32 i = 0; i < len; i++) {
		char c = (char)get8(n, at + i);

		out[i] = c >= ' ' && c <= '~' ? c : '?';
		if (c == '\0')
			out[i] = ' ';
		if (out[i] != ' ')
			end = i + 1;
	}
	out[end] = '\0';
}

/* A list of PRPs may not cross a page: a power of two. */
static u32 list_size(u32 max_bytes)
{
	u32 need = (max_bytes / NVME_PAGE + 1) * LIST_ENTRY;
	u32 size = 64;

	while (size < need)
		size *= 2;
	return size;
}

void nvme_read_controller(struct nvme *n)
{
	u32 mdts = get8(n, NVME_ID_MDTS);

	static_assert(sizeof(n->model) > NVME_ID_MODEL_SIZE);
	static_assert(sizeof(n->serial) > NVME_ID_SERIAL_SIZE);
	get_text(n, NVME_ID_MODEL, NVME_ID_MODEL_SIZE, n->model);
	get_text(n, NVME_ID_SERIAL, NVME_ID_SERIAL_SIZE, n->serial);
	n->max_bytes = BLOCK_REQUEST_MAX;
	if (mdts != 0 && mdts < 8)
		n->max_bytes = NVME_PAGE << mdts;
	n->list_size = list_size(n->max_bytes);
	n->namespace_ids = get32(n, NVME_ID_NAMESPACES);
	n->can_discard = (get32(n, NVME_ID_ONCS) & NVME_ONCS_DISCARD) != 0;
	n->write_cache = (get8(n, NVME_ID_VWC) & NVME_VWC_PRESENT) != 0;
}

static u32 sector_shift(const struct nvme *n)
{
	u32 index = get8(n, NVME_NS_FORMAT) & NVME_FORMAT_MASK;
	u32 format = get32(n, NVME_NS_LBA_FORMAT(index));
	u32 shift = NVME_LBAF_SECTOR(format);

	if (index > get8(n, NVME_NS_FORMATS) || NVME_LBAF_METADATA(format) != 0)
		return 0;
	return shift == SHIFT_512 || shift == SHIFT_4096 ? shift : 0;
}

bool nvme_read_namespace(const struct nvme *n, struct block_limits *limits)
{
	u32 shift = sector_shift(n);
	u64 sectors = get32(n, NVME_NS_SIZE) | (u64)get32(n, NVME_NS_SIZE + 4) << 32;

	if (shift == 0 || sectors == 0 || sectors > BIT(63) >> shift)
		return false;
	*limits = (struct block_limits){
		.sector_size = 1u << shift,
		.sectors = sectors,
		.max_bytes = n->max_bytes,
		.max_segments = MIN(n->max_bytes / NVME_PAGE + 1, BLOCK_SEGMENTS_MAX),
		.address_mask = ~0ull,
		.align = 4,
		.page_list = true,
		.fua = true,
		.write_cache = n->write_cache,
		.read_only = (get8(n, NVME_NS_ATTRIBUTES) & NVME_NS_PROTECTED) != 0,
		.max_discard = n->can_discard ? DISCARD_MAX : 0,
	};
	return true;
}
