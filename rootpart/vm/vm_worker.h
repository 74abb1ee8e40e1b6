/* SPDX-License-Identifier: MIT */
/*
 * A worker as its VM has it: the process, what waits for it, and its two
 * system calls (include/worker/abi.h), which reach its own child and nothing
 * else. Started and freed by the VM's task; the calls run in the worker's own.
 */
#pragma once

#include "base/types.h"
#include "rootpart/process.h"
#include "rootpart/timer.h"
#include "rootpart/vfs.h"
#include "rootpart/vm/child.h"
#include "rootpart/vm/vm_console.h"
#include "rootpart/vm/vm_crash.h"
#include "worker/abi.h"

/* Time for an answer, and for all of loading the child. */
#define WORKER_DEADLINE_NS (5 * NS_PER_S)
#define WORKER_LOADING_NS  (60 * NS_PER_S)

struct vm_worker {
	struct process *process;
	struct child *child;
	struct vm_console *console;
	u32 vp; /* the root's VP that it runs on */
	struct {
		struct vfs_file file;
		bool open;
	} files[WORKER_FILES];
	struct worker_start *start; /* a page */
	u8 *mailbox;
	u64 memory_end; /* of GPA space with RAM */
	struct vm_crash crash;

	struct wait_queue queue; /* the worker, in wait() */
	u64 intercepted;         /* VPs with an intercept that the worker has not seen; atomic */
	u64 held;                /* VPs whose intercept the worker has; its task only */
	u32 next_vp;             /* where the search for the next intercept begins; likewise */
	u64 eoi[4];              /* vectors whose EOI the worker has not seen; atomic */
	struct timer timer;
	bool timer_fired;
	u64 log_since; /* what the worker logged since then; its task only */
	u32 log_lines;

	/* Written by the worker's task, read by who waits for it. */
	struct wait_queue *changed; /* woken when one of these changes */
	bool loaded;
	bool ended;
	bool end_asked; /* by WORKER_END, with what follows */
	enum worker_end end;
	char why[128];
};

struct vm_config;

/*
 * Makes the process for @child and starts it; what it says goes to @console,
 * what becomes of it wakes @changed. 0, or with nothing left an error and the
 * reason in @why (of @why_size bytes).
 */
[[nodiscard]] int vm_worker_start(struct vm_worker *w, const struct vm_config *config,
	struct child *child, struct vm_console *console, struct wait_queue *changed, char *why,
	size_t why_size);
/* Ends it, if it has not ended, waits for that, and frees what is its. */
void vm_worker_stop(struct vm_worker *w, const char *why);
/* Something was typed: the worker is to take it. */
void vm_worker_typed(struct vm_worker *w);

/* VP @vp of its child has an intercept. In interrupts. */
void vm_worker_intercept(struct vm_worker *w, u32 vp);
/* Its child finished a level interrupt. Likewise. */
void vm_worker_eoi(struct vm_worker *w, u8 vector);

/* vm_syscall.c */
s64 vm_syscall(struct process *p, u64 number, u64 a, u64 b, u64 c, u64 d);
