/* SPDX-License-Identifier: MIT */
/*
 * The settings of a VM, one by one and by name: `memory` is the line
 * `memory = 512M` of vm.conf as well as the option `--memory 512M`, and both
 * mean, and refuse, the same. No state; any context.
 */
#pragma once

#include "rootpart/vm/vm_config.h"

#define VM_KEY_WHY 160u

struct vm_key;

/* What a value may be, and how it is written. */
struct vm_key_kind {
	bool quoted; /* in vm.conf: any text, so it stands in quotes */
	/* Reads @text into *@field: 0, or -EINVAL with a sentence in @why, VM_KEY_WHY bytes. */
	int (*set)(const struct vm_key *key, void *field, const char *text, char *why);
	/* Writes the text that set() takes. */
	void (*get)(const struct vm_key *key, const void *field, char *text, size_t size);
};

struct vm_key {
	const char *name;
	const struct vm_key_kind *kind;
	u32 offset;   /* of its field in struct vm_config */
	bool feature; /* there only with has_features, and then all of these are */
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
/* @size of VM_CMDLINE_MAX + 1 is enough for any. */
void vm_key_get(const struct vm_key *key, const struct vm_config *c, char *text, size_t size);

/* What does not fit together in *@c, as a sentence; NULL: all does. */
const char *vm_config_clash(const struct vm_config *c);
