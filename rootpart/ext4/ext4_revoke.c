/* SPDX-License-Identifier: MIT */
/*
 * A table of block numbers: which blocks the running transaction has freed, or, for
 * a replay, which ones a log revokes.
 *
 * An entry stays until the transaction is committed even if its block is in use again:
 * `logged` says that older copies of it are in the log, which nothing else knows when
 * it is freed once more in the same transaction.
 */
#include "base/errno.h"
#include "rootpart/ext4/ext4_journal.h"
#include "rootpart/heap.h"

#define BUCKETS 4096u

static struct list_node *bucket(const struct ext4_revokes *t, u64 block)
{
	return &t->buckets[(block ^ block >> 12) % BUCKETS];
}

int ext4_revokes_create(struct ext4_revokes *t)
{
	t->count = 0;
	list_init(&t->operation);
	t->buckets = kmalloc(BUCKETS * sizeof(*t->buckets));
	if (t->buckets == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < BUCKETS; i++)
		list_init(&t->buckets[i]);
	return 0;
}

void ext4_revokes_remove(struct ext4_revokes *t, struct ext4_revoke *e)
{
	list_remove(&e->link);
	list_remove(&e->operation_link);
	t->count--;
	kfree(e);
}

void ext4_revokes_clear(struct ext4_revokes *t)
{
	for (u32 i = 0; t->count > 0 && i < BUCKETS; i++)
		while (!list_empty(&t->buckets[i]))
			ext4_revokes_remove(
				t, list_entry(t->buckets[i].next, struct ext4_revoke, link));
}

void ext4_revokes_free(struct ext4_revokes *t)
{
	if (t->buckets != NULL)
		ext4_revokes_clear(t);
	kfree(t->buckets);
	t->buckets = NULL;
}

struct ext4_revoke *ext4_revokes_find(const struct ext4_revokes *t, u64 block)
{
	if (t->count == 0)
		return NULL;
	list_for_each(l, bucket(t, block))
	{
		struct ext4_revoke *e = list_entry(l, struct ext4_revoke, link);

		if (e->block == block)
			return e;
	}
	return NULL;
}

struct ext4_revoke *ext4_revokes_add(struct ext4_revokes *t, u64 block)
{
	struct ext4_revoke *e = ext4_revokes_find(t, block);

	if (e != NULL)
		return e;
	e = kzalloc(sizeof(*e));
	if (e == NULL)
		return NULL;
	e->block = block;
	list_init(&e->operation_link);
	list_push_back(bucket(t, block), &e->link);
	t->count++;
	return e;
}

struct ext4_revoke *ext4_revokes_next(const struct ext4_revokes *t, const struct ext4_revoke *e)
{
	const struct list_node *head = e != NULL ? bucket(t, e->block) : t->buckets;
	const struct list_node *l = e != NULL ? e->link.next : head->next;

	if (t->count == 0)
		return NULL;
	for (;;) {
		for (; l != head; l = l->next) {
			struct ext4_revoke *n = list_entry(l, struct ext4_revoke, link);

			if (n->now && n->logged)
				return n;
		}
		if (++head == t->buckets + BUCKETS)
			return NULL;
		l = head->next;
	}
}
