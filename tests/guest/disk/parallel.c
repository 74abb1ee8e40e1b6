/* SPDX-License-Identifier: MIT */
/*
 * An area's life is a few states; a VP takes answers and lets each area go on, and waits when there is none.
 */
#include "tests/guest/disk/parallel.h"

#include "lib/string.h"
#include "tests/guest/disk/bus.h"
#include "tests/guest/disk/pattern.h"
#include "tests/guest/lib/guest.h"

#define AREAS   16u /* of each VP */
#define LONGEST (32 * KIB)
#define IN_PAGE 8u /* places where data may begin */
#define MEMORY  (LONGEST + 4096)

enum area_state { IDLE, WRITING, READING };

struct area {
	enum area_state state;
	struct storvsc_request r;
	u8 *memory;
	u64 first; /* sectors that are its own */
	u32 sectors;
	/* Of this round. */
	u64 seed, at;
	u32 count;
	u8 *data;
	u32 rounds; /* that are to be done yet */
};

/* A VP's, and of VP 0 in between. */
static struct vp_work {
	struct area areas[AREAS];
	u64 random;
	u64 done;
	const char *wrong;
} work[TEAM_MAX];

static const struct lun *lun;

void parallel_begin(u32 vps)
{
	for (u32 vp = 0; vp < vps; vp++)
		for (u32 i = 0; i < AREAS; i++)
			work[vp].areas[i].memory = (u8 *)guest_ram(MEMORY, PAGE_SIZE);
}

/* Channels that may be one request short of room: it is tried again with the next answer. */
static void begin_round(struct vp_work *w, struct area *a)
{
	u32 most = MIN((u32)LONGEST / lun->d.sector_size, a->sectors);

	a->seed = w->random;
	a->count = 1 + pattern_any(&w->random, most);
	a->at = a->first + pattern_any(&w->random, a->sectors - a->count + 1);
	a->data = a->memory + 512 * pattern_any(&w->random, IN_PAGE);
	pattern_fill(a->seed, a->at, lun->d.sector_size, a->data, a->count);
	storvsc_transfer(&a->r, lun->number, &lun->d, true, a->at, a->data, a->count);
	a->state = WRITING;
}

static void begin_reading(struct area *a)
{
	memset(a->data, 0xee, (size_t)a->count * lun->d.sector_size);
	storvsc_transfer(&a->r, lun->number, &lun->d, false, a->at, a->data, a->count);
	a->state = READING;
}

/* Its request is done: what next? */
static void go_on(struct vp_work *w, struct area *a)
{
	if (a->r.result != a->count * lun->d.sector_size) {
		w->wrong = a->state == WRITING ? "a write failed" : "a read failed";
		return;
	}
	w->done++;
	if (a->state == WRITING) {
		begin_reading(a);
		return;
	}
	if (pattern_check(a->seed, a->at, lun->d.sector_size, a->data, a->count) != a->count)
		w->wrong = "other data came back";
	a->state = IDLE;
	if (--a->rounds > 0)
		begin_round(w, a);
}

static void submit(struct vp_work *w, struct storvsc *s, struct area *a)
{
	if (storvsc_submit(s, &a->r) != 0)
		w->wrong = "no room for a request";
}

/* All whose request is done. */
static void go_on_all(struct vp_work *w, struct storvsc *s)
{
	for (u32 i = 0; i < AREAS && w->wrong == NULL; i++) {
		struct area *a = &w->areas[i];

		if (a->state == IDLE || !a->r.done)
			continue;
		go_on(w, a);
		if (a->state != IDLE && w->wrong == NULL)
			submit(w, s, a);
	}
}

static u32 busy(const struct vp_work *w)
{
	u32 n = 0;

	for (u32 i = 0; i < AREAS; i++)
		n += w->areas[i].state != IDLE;
	return n;
}

/* A job of the team's. */
static void run(u32 vp)
{
	struct vp_work *w = &work[vp];
	struct storvsc *s = &bus_disks[vp];

	if (vp >= bus_channels())
		return;
	for (u32 i = 0; i < AREAS && w->wrong == NULL; i++) {
		begin_round(w, &w->areas[i]);
		submit(w, s, &w->areas[i]);
	}
	while (w->wrong == NULL && busy(w) > 0) {
		int r = storvsc_poll(s);

		if (r < 0)
			w->wrong = "the ring is broken";
		else if (r == 0)
			s->wait(s->context);
		else
			go_on_all(w, s);
	}
}

/* Disjoint areas, of all channels that are open. */
static void share_out(u64 seed, u32 rounds)
{
	u32 vps = bus_channels();
	u32 sectors = (u32)MIN(lun->d.sectors / (vps * AREAS), 4096ull);

	for (u32 vp = 0; vp < vps; vp++) {
		struct vp_work *w = &work[vp];

		w->random = seed * 31 + vp;
		w->done = 0;
		w->wrong = NULL;
		for (u32 i = 0; i < AREAS; i++) {
			struct area *a = &w->areas[i];

			a->state = IDLE;
			a->first = (u64)(vp * AREAS + i) * sectors;
			a->sectors = sectors;
			a->rounds = rounds;
		}
	}
}

const char *parallel_run(const struct lun *l, u64 seed, u32 rounds, u64 *done)
{
	const char *wrong = NULL;

	lun = l;
	*done = 0;
	if (l->d.sectors < bus_channels() * AREAS)
		return "the disk is too small";
	share_out(seed, rounds);
	team_run(run);
	for (u32 vp = 0; vp < bus_channels(); vp++) {
		*done += work[vp].done;
		if (work[vp].wrong != NULL)
			wrong = work[vp].wrong;
	}
	return wrong;
}
