/* SPDX-License-Identifier: MIT */
/*
 * What a VM's console said: the last 64 KiB, by a position that only grows;
 * and what was typed at it and not yet taken. Written and read by tasks of any
 * VP; one lock inside.
 */
#pragma once

#include "base/types.h"
#include "rootpart/waitq.h"
#include "x86/spinlock.h"

#define VM_CONSOLE_KEPT  (64 * KIB)
#define VM_CONSOLE_TYPED 1024u

struct vm_console {
	struct spinlock lock;
	char *kept;  /* VM_CONSOLE_KEPT bytes, by position modulo their number */
	u64 written; /* position behind the last byte */
	bool closed; /* nothing more will come until it is opened */
	bool nudged;
	struct wait_queue readers;
	u8 typed[VM_CONSOLE_TYPED];
	u32 typed_head; /* bytes ever put in, and taken out */
	u32 typed_tail;
};

/* -ENOMEM. It is closed then. */
[[nodiscard]] int vm_console_init(struct vm_console *c);
void vm_console_free(struct vm_console *c);
/* A new start: positions begin at 0 again. */
void vm_console_open(struct vm_console *c);
void vm_console_close(struct vm_console *c);

void vm_console_put(struct vm_console *c, const void *bytes, size_t count);
/* See vm_console_read() in vm.h. */
[[nodiscard]] int vm_console_get(
	struct vm_console *c, u64 *position, char *buffer, size_t size, u64 deadline_ns, bool *off);
void vm_console_wake(struct vm_console *c);

/* Bytes that fitted. */
size_t vm_console_typed_put(struct vm_console *c, const u8 *bytes, size_t count);
size_t vm_console_typed_take(struct vm_console *c, u8 *bytes, size_t size);
bool vm_console_typed_waits(const struct vm_console *c);
