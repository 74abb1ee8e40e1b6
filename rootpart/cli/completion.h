/* SPDX-License-Identifier: MIT */
/*
 * Candidates for a word that is being typed: collects them, and what they
 * begin with in common.
 */
#pragma once

#include "base/types.h"

#define COMPLETION_WORD 512u
#define COMPLETION_LIST 2048u

struct cli_args;

struct completion {
	/* The command's words before this one, while its callback runs. */
	const struct cli_args *args;
	size_t from; /* where the word begins in the line; the callback sets it */
	u32 count;
	char common[COMPLETION_WORD]; /* terminated */
	char list[COMPLETION_LIST];   /* for people: "a  b  c", cut with "..." */
	size_t list_len;
	bool list_full;
};

void completion_begin(struct completion *c);
/*
 * Adds a candidate, a whole word. One that ends in '/' can be gone on with;
 * after any other that is the only one comes a space. One that is too long
 * for a word is left out.
 */
void completion_add(struct completion *c, const char *word);
/* The same if @word begins with @typed. */
void completion_offer(struct completion *c, const char *typed, const char *word);
