/* SPDX-License-Identifier: MIT */
/*
 * Cooperative tasks: own stack with a guard page, bound to the VP that they
 * were created for. A task runs until it waits, yields or returns; interrupts
 * are on while it runs, and handlers only mark and wake. Queues and states
 * are in run_queue.h, waiting for conditions in waitq.h. A process's task
 * (process.h) is an ordinary one in the kernel, and gives way while in ring 3.
 */
#pragma once

#include "base/types.h"
#include "rootpart/run_queue.h"
#include "rootpart/timer.h"

#define TASK_NAME_SIZE 24

struct process;

struct task {
	struct run_entry run;    /* state and links; lock of its run queue */
	u64 stack_pointer;       /* while not running */
	struct process *process; /* NULL: none; own VP only, as are cr3 and what is below */
	u64 cr3;                 /* of the process */
	u64 slice_end;           /* run_tsc at which its slice is spent */
	u64 stack_base;          /* lowest mapped address, 0 for the idle task */
	u64 run_tsc;             /* ticks spent running so far, up to since_tsc */
	u64 since_tsc;
	void (*entry)(void *arg);
	void *arg;
	u32 vp;
	u64 id;               /* as in struct task_info */
	struct list_node all; /* list of all tasks, task.c's lock */
	char name[TASK_NAME_SIZE];
};

/*
 * Creates a task that calls @entry(@arg), on this VP, or on VP @vp. It frees
 * itself when @entry returns. Returns NULL when memory or stacks are out. The
 * name is copied (cut to 23 characters).
 */
[[nodiscard]] struct task *task_create(const char *name, void (*entry)(void *arg), void *arg);
[[nodiscard]] struct task *task_create_on(
	u32 vp, const char *name, void (*entry)(void *arg), void *arg);

/*
 * A task for process.c, on VP @vp: calls @entry(@p) with the address space
 * @cr3 loaded, and again whenever it runs, until task_leave_ring3().
 */
[[nodiscard]] struct task *task_create_ring3(
	u32 vp, const char *name, void (*entry)(void *arg), struct process *p, u64 cr3);
/*
 * Before ring 3 goes on, interrupts off: lets others run if they may. True if
 * some did: there is to be looked again. False: nobody claims the VP now, and
 * whoever comes to will interrupt it.
 */
[[nodiscard]] bool task_give_way(void);
/* Wakes @t, and calls process_attend() in it before ring 3 goes on; any context. */
void task_alert(struct task *t);
/* The running task is an ordinary one from now on, on the kernel's own tables. */
void task_leave_ring3(void);

/* The running task; the idle task's own while a VP starts up. */
struct task *task_current(void);

/* Lets the other tasks of this VP that are ready run first. */
void task_yield(void);
void task_sleep_ns(u64 ns);
void task_sleep_until(u64 deadline_ns);
_Noreturn void task_exit(void);

/*
 * Sleeps until task_wake() of this task, or time_ns() >= @deadline_ns
 * (TIME_NEVER: no limit). A wake-up that came since the last task_wait() is
 * not lost: then it returns at once. It may return early; callers look at
 * their condition again. Returns 0, or -ETIMEDOUT past the deadline.
 */
int task_wait(u64 deadline_ns);
/* Makes @t run soon, from any VP and from interrupt handlers. */
void task_wake(struct task *t);

/* For the CLI's `top`. */
struct task_info {
	u64 id; /* of no other task, ever */
	char name[TASK_NAME_SIZE];
	u32 vp;
	enum run_state state;
	u64 run_tsc;
};
/* Copies what describes the first @max tasks; returns how many there are. */
u32 task_snapshot(struct task_info *info, u32 max);

/* This VP's idle loop, on the stack that it was started with. Interrupts off. */
_Noreturn void task_idle_loop(void);
/* Makes the context that runs now the idle task of this VP. */
void task_init_vp(void);
