/* SPDX-License-Identifier: MIT */
/*
 * The volume calls changed() when there is something to commit, and its task sleeps until that is
 * due: then it may be committed already. A volume that was stopped, or writes no more, has
 * nothing to be committed, so at the machine's end nobody stops this.
 */
#include "rootpart/volume_commit.h"

#include "lib/format.h"
#include "rootpart/errno_text.h"
#include "rootpart/ext4/ext4.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/task.h"
#include "rootpart/waitq.h"
#include "x86/atomic.h"

struct committer {
	struct ext4 *fs;
	const char *name;
	struct wait_queue wait;
	u64 due;   /* time_ns() of the next commit, 0: nothing is to be done; atomic */
	bool told; /* that it failed; the task's */
};

/* The volume's lock is held. Any task of any VP. */
static void changed(void *context)
{
	struct committer *c = context;

	/* Pairs with the acquire in commit_task(). */
	store_release(&c->due, time_ns() + VOLUME_COMMIT_NS);
	wait_wake_all(&c->wait);
}

/* Who stops writing for an error says so; what can be tried again is, and told once. */
static void failed(struct committer *c, int error)
{
	struct ext4_info info;

	ext4_info_get(c->fs, &info);
	if (info.read_only)
		return;
	if (!c->told)
		log_printf("volume: %s: what was changed last is not on the medium yet: %s",
			c->name, errno_text(error));
	c->told = true;
	changed(c);
}

static void commit(struct committer *c)
{
	struct ext4_info info;
	int r;

	ext4_info_get(c->fs, &info);
	if (!info.uncommitted)
		return;
	r = ext4_sync(c->fs);
	if (r != 0)
		failed(c, r);
	else
		c->told = false;
}

static void commit_task(void *arg)
{
	struct committer *c = arg;

	for (;;) {
		/* Pairs with the release in changed(). */
		wait_event(&c->wait, load_acquire(&c->due) != 0);
		task_sleep_until(load_relaxed(&c->due));
		/* Before the commit: what is changed behind it is due later. */
		store_relaxed(&c->due, 0);
		commit(c);
	}
}

void volume_commit_start(struct ext4 *fs, const char *name)
{
	struct committer *c;
	struct ext4_info info;
	char task[TASK_NAME_SIZE];

	ext4_info_get(fs, &info);
	if (info.read_only)
		return;
	c = kzalloc(sizeof(*c));
	(void)format(task, sizeof(task), "commit %s", name);
	if (c != NULL) {
		c->fs = fs;
		c->name = name;
		wait_queue_init(&c->wait);
	}
	if (c == NULL || task_create(task, commit_task, c) == NULL) {
		log_printf("volume: %s: no memory to commit by time", name);
		kfree(c);
		return;
	}
	ext4_on_change(fs, changed, c);
}
