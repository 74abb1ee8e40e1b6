/* SPDX-License-Identifier: MIT */
/*
 * Crash reports of guests.
 */
#include "rootpart/vm/vm_crash.h"

#include "lib/string.h"
#include "x86/atomic.h"

static bool is_end(char c)
{
	return c == '\n' || c == '\0' || c == ' ';
}

/* Where the last whole lines begin that fit; in the middle of one that is longer. */
static size_t begin_of(const char *text, size_t size)
{
	size_t at = size > VM_CRASH_TEXT - 1 ? size - (VM_CRASH_TEXT - 1) : 0;

	if (at == 0 || text[at - 1] == '\n')
		return at;
	for (size_t i = at; i < size; i++)
		if (text[i] == '\n')
			return i + 1;
	return at;
}

void vm_crash_tell(struct vm_crash *c, const u64 *parameter, const char *text, size_t size)
{
	size_t at;

	if (c->told)
		return;
	while (size > 0 && is_end(text[size - 1]))
		size--;
	at = begin_of(text, size);
	memcpy(c->parameter, parameter, sizeof(c->parameter));
	memcpy(c->text, text + at, size - at);
	c->text[size - at] = '\0';
	for (char *p = c->text; p < c->text + (size - at); p++)
		if ((*p < ' ' || *p > '~') && *p != '\n')
			*p = ' ';
	/* Pairs with the load in vm_crash_get(). */
	store_release(&c->told, true);
}

void vm_crash_get(const struct vm_crash *from, struct vm_crash *to)
{
	if (load_acquire(&from->told))
		*to = *from;
}
