/* SPDX-License-Identifier: MIT */
/*
 * Processes: a program in ring 3 with an address space and a task of its own,
 * on one VP for life. It does what its owner's system calls let it; an
 * exception, a kill or a missed deadline ends it and nothing else. Life:
 * create, map more, start, … ended, free. The address space is
 * include/worker/abi.h's: image at WORKER_IMAGE, stack below WORKER_STACK_TOP.
 */
#pragma once

#include "base/types.h"
#include "rootpart/address_space.h"

#define PROCESS_WHY 128u

struct process;
struct trap_frame;

struct process_ops {
	/*
	 * A system call, as ordinary code of the process's task: it may wait, in
	 * wait_event(…, … || process_killed(p)). What it returns is the result, unless
	 * the process was killed meanwhile: then it does not see it.
	 */
	s64 (*syscall)(struct process *p, u64 number, u64 a, u64 b, u64 c, u64 d);
	/* Last call, by its task: pages and tables are given back. May be NULL. */
	void (*ended)(struct process *p);
};

struct process_config {
	const char *name; /* of its task; copied */
	u32 vp;
	const void *image; /* an ELF file, needed while process_create() runs */
	size_t image_size;
	const struct process_ops *ops;
	void *owner; /* for process_owner() */
};

/*
 * Makes a process that does not run yet. The image: static, all within
 * WORKER_IMAGE_MAX, no page writable and executable. 0 with *@out set; -EINVAL
 * the image is no good; -ENOMEM. Then *@why is a phrase for people.
 */
[[nodiscard]] int process_create(
	const struct process_config *c, struct process **out, const char **why);
/* To map more into. */
struct address_space *process_space(struct process *p);
void *process_owner(const struct process *p);
/* Runs it. -ENOMEM: it does not, and may be started again, or freed. */
[[nodiscard]] int process_start(struct process *p);
/* Frees one that was never started, or has ended. */
void process_free(struct process *p);

/*
 * Ends it soon, wherever it is, for the reason @why, of which 127 bytes are
 * kept; the first kill counts. From any VP and from interrupt handlers.
 */
void process_kill(struct process *p, const char *why);
bool process_killed(const struct process *p);
/* Why it was killed or what it did wrong: "page fault reading 0x0 at 0x400123". "" before. */
const char *process_why(const struct process *p);
/* Waits until it has ended and its own pages are back; it was started. */
void process_wait_end(struct process *p);

/*
 * From now on it has @ns until the deadline is set anew or cleared; else it is
 * killed, "did not answer for 5 s". Cheap enough for each system call. By its
 * own task, or another of its VP's, or before the start; the clock ticks from
 * the call on.
 */
void process_deadline_set(struct process *p, u64 ns);
void process_deadline_clear(struct process *p);

/* trap.S and syscall.S, before ring 3 goes on, interrupts off. May not return. */
void process_attend(void);
/* An exception of the running process, interrupts off. */
void process_exception(const struct trap_frame *frame);
