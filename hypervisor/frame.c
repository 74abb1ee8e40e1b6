/* SPDX-License-Identifier: MIT */
/*
 * The frame table. Entries are changed at boot and by hypercalls that move
 * pages between owners, each a compare-and-exchange of the whole entry; a
 * reader on any processor sees one aligned 8-byte entry, never half of one.
 */
#include "hypervisor/frame.h"

#include "base/assert.h"
#include "hv/hypercall.h"
#include "x86/atomic.h"

#define ROOT ((u16)HV_PARTITION_ID_ROOT)

static struct frame *frames;
static u64 frame_count;

void frame_table_init(struct frame *table, u64 count)
{
	frames = table;
	frame_count = count;
}

struct frame *frame_get(spa_t spa)
{
	u64 n = spa.a >> PAGE_SHIFT;

	if (n >= frame_count || frames[n].type == FRAME_NONE)
		return NULL;
	return &frames[n];
}

void frame_mark(spa_t start, u64 size, enum frame_type type, u16 owner)
{
	u64 first = start.a >> PAGE_SHIFT;
	u64 last = MIN((start.a + size) >> PAGE_SHIFT, frame_count);
	struct frame mark = { .owner = owner, .type = (u8)type };

	for (u64 n = first; n < last; n++)
		frames[n] = mark;
}

bool frame_is_owned(spa_t spa, u16 owner)
{
	const struct frame *f = frame_get(spa);

	return f && f->owner == owner && f->type == FRAME_ROOT;
}

static bool is_roots(const struct frame *f)
{
	return f->type == FRAME_ROOT && f->owner == ROOT;
}

static enum hv_status check_free(const struct frame *f)
{
	if (!is_roots(f))
		return HV_STATUS_INVALID_PARAMETER;
	/* While it moves, the flag says so, and there is no mapper. */
	return f->flags || f->mapper ? HV_STATUS_OBJECT_IN_USE : HV_STATUS_SUCCESS;
}

/* Makes a free page of the root's what @to says. */
static enum hv_status claim(spa_t spa, struct frame to)
{
	struct frame *f = frame_get(spa);
	enum hv_status status;
	struct frame old;

	if (!f)
		return HV_STATUS_INVALID_PARAMETER;
	/* Pairs with the exchanges of all others. */
	old.word = load_acquire(&f->word);
	do {
		status = check_free(&old);
		if (status != HV_STATUS_SUCCESS)
			return status;
	} while (!atomic_compare_exchange(&f->word, &old.word, to.word));
	return HV_STATUS_SUCCESS;
}

enum hv_status frame_claim_deposit(spa_t spa, u16 owner)
{
	return claim(spa, (struct frame){ .owner = owner, .type = FRAME_DEPOSIT });
}

enum hv_status frame_claim_map(spa_t spa, u16 mapper)
{
	return claim(spa, (struct frame){ .owner = ROOT, .type = FRAME_ROOT, .mapper = mapper });
}

void frame_release_deposit(spa_t spa)
{
	struct frame *f = frame_get(spa);
	struct frame to = { .owner = ROOT, .type = FRAME_ROOT };

	assert(f && f->type == FRAME_DEPOSIT);
	store_release(&f->word, to.word);
}

/* Changes flags and link of a frame that somebody else may overlay meanwhile. */
static void change(spa_t spa, u8 set, u8 clear, u32 next)
{
	struct frame *f = frame_get(spa);
	struct frame old, new;

	assert(f);
	old.word = load_acquire(&f->word);
	do {
		new = old;
		new.flags = (u8)((old.flags & ~clear) | set);
		new.next = next;
	} while (!atomic_compare_exchange(&f->word, &old.word, new.word));
}

void frame_release_map(spa_t spa)
{
	change(spa, 0, 0, 0);
}

bool frame_overlay_begin(spa_t spa, u16 owner)
{
	struct frame *f = frame_get(spa);
	struct frame old, new;

	if (!f)
		return false;
	old.word = load_acquire(&f->word);
	do {
		if (old.type != FRAME_ROOT || old.owner != owner || old.flags & FRAME_OVERLAID)
			return false;
		new = old;
		new.flags |= FRAME_OVERLAID;
	} while (!atomic_compare_exchange(&f->word, &old.word, new.word));
	return true;
}

void frame_overlay_end(spa_t spa)
{
	struct frame *f = frame_get(spa);
	struct frame bit = { .flags = FRAME_OVERLAID };

	assert(f);
	atomic_fetch_and(&f->word, ~bit.word);
}

void frame_list_push(struct frame_list *list, spa_t spa)
{
	change(spa, FRAME_MOVING, 0, list->first);
	list->first = (u32)(spa.a >> PAGE_SHIFT) + 1;
}

bool frame_list_pop(struct frame_list *list, spa_t *spa)
{
	if (!list->first)
		return false;
	*spa = SPA((u64)(list->first - 1) << PAGE_SHIFT);
	list->first = frame_get(*spa)->next;
	change(*spa, 0, FRAME_MOVING, 0);
	return true;
}
