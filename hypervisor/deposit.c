/* SPDX-License-Identifier: MIT */
/*
 * Deposited pages: a list and two counts. What becomes a deposit and what
 * leaves it is hc_deposit.c's.
 */
#include "hypervisor/deposit.h"

#include "base/assert.h"
#include "lib/string.h"

/* Unlinks the first free page; the lock is held. */
static void *pop(struct deposit *d)
{
	void *page = d->free;

	if (!page)
		return NULL;
	d->free = *(void **)page;
	d->free_pages--;
	return page;
}

static void push(struct deposit *d, void *page)
{
	*(void **)page = d->free;
	d->free = page;
	d->free_pages++;
}

void *deposit_take(struct deposit *d)
{
	void *page;

	spin_lock(&d->lock);
	page = pop(d);
	if (page)
		d->used_pages++;
	spin_unlock(&d->lock);
	if (page)
		memset(page, 0, PAGE_SIZE);
	return page;
}

void deposit_give(struct deposit *d, void *page)
{
	spin_lock(&d->lock);
	assert(d->used_pages > 0);
	d->used_pages--;
	push(d, page);
	spin_unlock(&d->lock);
}

void deposit_add(struct deposit *d, void *page)
{
	spin_lock(&d->lock);
	push(d, page);
	spin_unlock(&d->lock);
}

void *deposit_remove(struct deposit *d)
{
	void *page;

	spin_lock(&d->lock);
	page = pop(d);
	spin_unlock(&d->lock);
	if (page)
		memset(page, 0, PAGE_SIZE);
	return page;
}

void deposit_balance(struct deposit *d, u64 *free_pages, u64 *used_pages)
{
	spin_lock(&d->lock);
	*free_pages = d->free_pages;
	*used_pages = d->used_pages;
	spin_unlock(&d->lock);
}
