/* SPDX-License-Identifier: MIT */
/*
 * What a guest said when it crashed: the first report of a machine is kept.
 * Written once by the worker's task; others read it once `told` is set.
 */
#pragma once

#include "base/types.h"

#define VM_CRASH_PARAMETERS 5u
#define VM_CRASH_TEXT       1024u

struct vm_crash {
	bool told;
	u64 parameter[VM_CRASH_PARAMETERS];
	char text[VM_CRASH_TEXT]; /* its last lines, printable, each ended by '\n' but the last */
};

/* Takes over what the worker tells, hostile as it is; nothing if there is one already. */
void vm_crash_tell(struct vm_crash *c, const u64 *parameter, const char *text, size_t size);
/* Copies it, if there is one. */
void vm_crash_get(const struct vm_crash *from, struct vm_crash *to);
