/* SPDX-License-Identifier: MIT */
/*
 * System use areas: SUSP 1.12 (IEEE P1281) and Rock Ridge (P1282). Entries of two letters, a
 * length and a version; one of them, CE, says where the area goes on. An entry that makes no
 * sense ends the area: what stands before it holds.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/iso9660/iso9660_impl.h"

#define ENTRY_HEAD        4u
#define CONTINUATIONS_MAX 32u

#define NAME_CONTINUES    BIT(0)
#define NAME_CURRENT      BIT(1)
#define NAME_PARENT       BIT(2)

/* Where to go on, and the state of what is read. */
struct walk {
	struct iso9660 *fs;
	struct iso_susp *susp;
	u64 next; /* 0: nowhere */
	u32 next_len;
	bool name_ended;
};

static bool is(const u8 *entry, const char *letters)
{
	return entry[0] == (u8)letters[0] && entry[1] == (u8)letters[1];
}

static void add_name(struct walk *w, const u8 *entry, u32 len)
{
	struct iso_susp *s = w->susp;
	u32 n = len - 5;

	/* Those two are no names of ours. */
	if (len < 5 || w->name_ended || entry[4] & (NAME_CURRENT | NAME_PARENT))
		return;
	w->name_ended = !(entry[4] & NAME_CONTINUES);
	if (n > NAME_MAX - s->name_len) {
		s->name_too_long = true;
		return;
	}
	memcpy(s->name + s->name_len, entry + 5, n);
	s->name_len += n;
	s->name[s->name_len] = '\0';
}

static void add_continuation(struct walk *w, const u8 *entry, u32 len)
{
	if (len < 28)
		return;
	w->next = (u64)iso_le32(entry + 4) * w->fs->block_size + iso_le32(entry + 12);
	w->next_len = iso_le32(entry + 20);
}

/* False for the area's end. */
static bool take(struct walk *w, const u8 *entry, u32 len)
{
	struct iso_susp *s = w->susp;

	if (is(entry, "ST"))
		return false;
	if (is(entry, "NM"))
		add_name(w, entry, len);
	else if (is(entry, "CE"))
		add_continuation(w, entry, len);
	else if (is(entry, "PX") && len >= 12)
		s->mode = iso_le32(entry + 4);
	else if (is(entry, "CL") && len >= 12)
		s->child_link = iso_le32(entry + 4);
	else if (is(entry, "RE"))
		s->relocated = true;
	if (is(entry, "PX") || is(entry, "RR") || is(entry, "NM"))
		s->rock_ridge = true;
	return true;
}

static void read_area(struct walk *w, const u8 *area, u32 len)
{
	u32 at = 0;

	while (len - at >= ENTRY_HEAD) {
		const u8 *entry = area + at;
		u32 n = entry[2];

		if (n < ENTRY_HEAD || n > len - at || !take(w, entry, n))
			return;
		at += n;
	}
}

/* Bytes of fs->record from where its system use area begins. */
static u32 area_of(const u8 *record, const u8 **area)
{
	u32 name_len = record[ISO_RECORD_NAME_LEN];
	/* A pad byte makes the area begin at an even offset. */
	u32 at = ISO_RECORD_NAME + name_len + !(name_len & 1);
	u32 len = record[ISO_RECORD_LENGTH];

	*area = record + MIN(at, len);
	return len - MIN(at, len);
}

void iso_susp_read(struct iso9660 *fs, u32 skip, struct iso_susp *susp)
{
	struct walk w = { .fs = fs, .susp = susp };
	const u8 *area;
	u32 len = area_of(fs->record, &area);

	*susp = (struct iso_susp){ 0 };
	read_area(&w, area + MIN(skip, len), len - MIN(skip, len));
	for (u32 i = 0; w.next != 0 && i < CONTINUATIONS_MAX; i++) {
		u64 at = w.next;

		len = MIN(w.next_len, ISO_SECTOR);
		w.next = 0;
		if (block_bytes_read(fs->bytes, at, fs->area, len) != 0) {
			(void)iso_damaged(fs, "a name's continuation leaves the medium");
			return;
		}
		read_area(&w, fs->area, len);
	}
}

int iso_susp_detect(struct iso9660 *fs)
{
	struct iso_susp susp;
	const u8 *area;
	u32 len = area_of(fs->record, &area);

	/* SP: the area's first entry, with a check in it. */
	if (len < 7 || !is(area, "SP") || area[4] != 0xbe || area[5] != 0xef)
		return -ENOENT;
	iso_susp_read(fs, 0, &susp);
	return susp.rock_ridge ? area[6] : -ENOENT;
}
