/* SPDX-License-Identifier: MIT */
/*
 * A merge sort of a list: bins[i] holds 2^i sorted entries or none, as the
 * bits of a counter. CLI's task.
 */
#include "rootpart/cli/sorted.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cli/command.h"
#include "rootpart/heap.h"

#define BINS 32u

static struct sorted_entry *merge(struct sorted_entry *a, struct sorted_entry *b)
{
	struct sorted_entry *first = NULL, **last = &first;

	while (a != NULL && b != NULL) {
		struct sorted_entry **less = strcmp(a->name, b->name) <= 0 ? &a : &b;

		*last = *less;
		*less = (*less)->next;
		last = &(*last)->next;
	}
	*last = a != NULL ? a : b;
	return first;
}

static void add(struct sorted_entry *bins[static BINS], struct sorted_entry *e)
{
	u32 i = 0;

	for (; bins[i] != NULL && i + 1 < BINS; i++) {
		e = merge(bins[i], e);
		bins[i] = NULL;
	}
	bins[i] = merge(bins[i], e);
}

static struct sorted_entry *copy_entry(const struct vfs_entry *entry)
{
	size_t size = strlen(entry->name) + 1;
	struct sorted_entry *e = kmalloc(sizeof(*e) + size);

	if (e == NULL)
		return NULL;
	e->next = NULL;
	e->stat = entry->stat;
	memcpy(e->name, entry->name, size);
	return e;
}

static int read_into(struct sorted_entry *bins[static BINS], const char *path)
{
	struct vfs_directory directory;
	struct vfs_entry entry;
	struct sorted_entry *e;
	int r = vfs_opendir(path, &directory);

	if (r != 0)
		return r;
	while ((r = vfs_readdir(&directory, &entry)) == 1) {
		if (cli_interrupted())
			return -EINTR;
		e = copy_entry(&entry);
		if (e == NULL)
			return -ENOMEM;
		add(bins, e);
	}
	return r;
}

int sorted_read(const char *path, struct sorted_entry **first)
{
	struct sorted_entry *bins[BINS] = { 0 };
	int r = read_into(bins, path);

	*first = NULL;
	for (u32 i = 0; i < BINS; i++)
		*first = merge(bins[i], *first);
	if (r != 0) {
		sorted_free(*first);
		*first = NULL;
	}
	return r;
}

void sorted_free(struct sorted_entry *first)
{
	while (first != NULL) {
		struct sorted_entry *next = first->next;

		kfree(first);
		first = next;
	}
}
