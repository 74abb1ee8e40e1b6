/* SPDX-License-Identifier: MIT */
/*
 * Collecting candidates. Called by the CLI's task while it handles Tab.
 */
#include "rootpart/cli/completion.h"

#include "lib/string.h"

void completion_begin(struct completion *c)
{
	c->args = NULL;
	c->from = 0;
	c->count = 0;
	c->common[0] = '\0';
	c->list[0] = '\0';
	c->list_len = 0;
	c->list_full = false;
}

/* Appends @text if "..." would still fit behind it. */
static bool append(struct completion *c, const char *text)
{
	size_t len = strlen(text);

	if (c->list_len + len + sizeof("  ...") > sizeof(c->list))
		return false;
	memcpy(c->list + c->list_len, text, len + 1);
	c->list_len += len;
	return true;
}

static void list_append(struct completion *c, const char *word)
{
	const char *gap = c->list_len > 0 ? "  " : "";

	if (c->list_full)
		return;
	if (append(c, gap) && append(c, word))
		return;
	(void)str_copy(c->list + c->list_len, "...", sizeof("..."));
	c->list_len += strlen("...");
	c->list_full = true;
}

void completion_add(struct completion *c, const char *word)
{
	size_t same = 0;

	if (strlen(word) >= sizeof(c->common))
		return;
	if (c->count++ == 0) {
		(void)str_copy(c->common, word, sizeof(c->common));
	} else {
		while (c->common[same] != '\0' && c->common[same] == word[same])
			same++;
		c->common[same] = '\0';
	}
	list_append(c, word);
}

void completion_offer(struct completion *c, const char *typed, const char *word)
{
	if (strncmp(word, typed, strlen(typed)) == 0)
		completion_add(c, word);
}
