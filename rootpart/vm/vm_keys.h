/* SPDX-License-Identifier: MIT */
/*
 * The settings of a VM, one by one and by name: `memory` is the line
 * `memory = 512M` of vm.conf as well as the option `--memory 512M`, and both
 * mean, and refuse, the same. No state; any context.
 */
#pragma once

#include "rootpart/vm/vm_config.h"

#define VM_KEY_WHY  160u
#define VM_KEY_WORD 128u /* the longest is 32 processors, each with a comma */

struct vm_key;

/* What a value may be, and how it is written. */
struct vm_key_kind {
	bool quoted; /* any text: its field is that text; it stands in quotes in vm.conf */
	/* Reads @text into *@field: 0, or -EINVAL with a sentence in @why, VM_KEY_WHY bytes. */
	int (*set)(const struct vm_key *key, void *field, const char *text, char *why);
	/* Writes the word that set() takes, VM_KEY_WORD bytes; NULL if quoted. */
	void (*get)(const struct vm_key *key, const void *field, char *word);
};

struct vm_key {
	const char *name;
	const struct vm_key_kind *kind;
	u32 offset;   /* of its field in struct vm_config */
	bool feature; /* there only with has_features, and then all of these are */
	bool live;    /* what runs has it at once */
	bool sparse;  /* quoted; not in vm.conf while its text is "" */
	u64 min;
	u64 max;
};

/* In the order of vm.conf. */
extern const struct vm_key vm_keys[];
extern const u32 vm_key_count;

/* NULL: no such key. */
const struct vm_key *vm_key_find(const char *name);
[[nodiscard]] int vm_key_set(
	const struct vm_key *key, struct vm_config *c, const char *text, char *why);
/* The value of a key that is not quoted, VM_KEY_WORD bytes, and of one that is. */
void vm_key_get(const struct vm_key *key, const struct vm_config *c, char *word);
const char *vm_key_text(const struct vm_key *key, const struct vm_config *c);

/* What does not fit together in *@c, as a sentence; NULL: all does. */
const char *vm_config_clash(const struct vm_config *c);
