/* SPDX-License-Identifier: MIT */
/*
 * Life and death of processes. A process ends at one place only: its own task,
 * before ring 3 would go on. Whoever kills it leaves a mark and an alert; the
 * task finds it on its way out of an interrupt, an exception or a system call.
 */
#include "rootpart/process.h"

#include "base/assert.h"
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cpu_offsets.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/process_image.h"
#include "rootpart/syscall.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/timer.h"
#include "rootpart/trap.h"
#include "rootpart/waitq.h"
#include "worker/abi.h"
#include "x86/atomic.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/paging.h"

struct process {
	const struct process_ops *ops; /* first: for syscall.S */
	void *owner;
	struct address_space space;
	u64 entry;
	u32 vp;
	bool started;
	bool ended; /* release-stored: its task touches it no more */
	char name[TASK_NAME_SIZE];

	/* Its VP's tasks and timer. */
	struct timer timer; /* at the deadline or, as that moves on mostly, before it */
	u64 deadline;       /* time_ns(); TIME_NEVER */
	u64 limit;          /* what it was set by, for the reason */

	struct spinlock lock;
	struct task *task; /* own lock: NULL unless it can be alerted */
	bool killed;       /* own lock to set; release-stored */
	char why[PROCESS_WHY];
};

static_assert(offsetof(struct process, ops) == PROCESS_OPS);
static_assert(offsetof(struct process_ops, syscall) == OPS_SYSCALL);

/* Everybody's, as a process may be freed once it is seen to have ended. */
static struct wait_queue ends = WAIT_QUEUE_INIT(ends);

static void deadline_fire(struct timer *t);

static int set_up(struct process *p, const struct process_config *c, const char **why)
{
	int r = address_space_create(&p->space);

	*why = "not enough memory";
	if (r == 0)
		r = process_image_load(&p->space, c->image, c->image_size, &p->entry, why);
	return r;
}

int process_create(const struct process_config *c, struct process **out, const char **why)
{
	struct process *p = kzalloc(sizeof(*p));
	int r;

	*why = "not enough memory";
	if (p == NULL)
		return -ENOMEM;
	p->ops = c->ops;
	p->owner = c->owner;
	p->vp = c->vp;
	p->deadline = TIME_NEVER;
	timer_init(&p->timer, deadline_fire);
	(void)str_copy(p->name, c->name, sizeof(p->name));
	r = set_up(p, c, why);
	if (r == 0)
		*out = p;
	else
		process_free(p);
	return r;
}

struct address_space *process_space(struct process *p)
{
	return &p->space;
}

void *process_owner(const struct process *p)
{
	return p->owner;
}

void process_free(struct process *p)
{
	/* Pairs with the release in end(). */
	assert(!p->started || load_acquire(&p->ended));
	address_space_destroy(&p->space);
	kfree(p);
}

static void set_task(struct process *p, struct task *t)
{
	u64 flags = lock_irq(&p->lock);

	p->task = t;
	unlock_irq(&p->lock, flags);
}

/* In the process's task, on its kernel stack, which nothing below needs any more. */
static _Noreturn void end(struct process *p)
{
	irq_enable();
	timer_stop(&p->timer);
	set_task(p, NULL);
	task_leave_ring3();
	address_space_destroy(&p->space);
	if (p->ops->ended != NULL)
		p->ops->ended(p);
	/* Pairs with the acquires in process_wait_end() and process_free(). */
	store_release(&p->ended, true);
	wait_wake_all(&ends);
	task_exit();
}

void process_attend(void)
{
	struct process *p = task_current()->process;
	bool looked_away;

	do {
		/* First: a kill that comes after it asks for attention again. */
		looked_away = task_give_way();
		if (process_killed(p))
			end(p);
	} while (looked_away);
}

/* The process's task. */
static void run(void *arg)
{
	struct process *p = arg;

	set_task(p, task_current());
	if (p->deadline != TIME_NEVER)
		timer_start(&p->timer, p->deadline);
	irq_disable();
	process_attend();
	syscall_enter_ring3(p->entry, WORKER_STACK_TOP);
}

int process_start(struct process *p)
{
	p->started = true;
	if (task_create_ring3(p->vp, p->name, run, p, p->space.root) != NULL)
		return 0;
	p->started = false;
	return -ENOMEM;
}

void process_kill(struct process *p, const char *why)
{
	u64 flags = lock_irq(&p->lock);

	if (!p->killed) {
		(void)str_copy(p->why, why, sizeof(p->why));
		/* Pairs with the acquire in process_killed(). */
		store_release(&p->killed, true);
		if (p->task != NULL)
			task_alert(p->task);
	}
	unlock_irq(&p->lock, flags);
}

bool process_killed(const struct process *p)
{
	return load_acquire(&p->killed);
}

const char *process_why(const struct process *p)
{
	return process_killed(p) ? p->why : "";
}

void process_wait_end(struct process *p)
{
	assert(p->started);
	wait_event(&ends, load_acquire(&p->ended));
}

static void deadline_miss(struct process *p)
{
	char why[PROCESS_WHY];
	bool seconds = p->limit % NS_PER_S == 0;
	u64 count = p->limit / (seconds ? NS_PER_S : NS_PER_MS);

	(void)format(why, sizeof(why), "did not answer for %lu %s", count, seconds ? "s" : "ms");
	process_kill(p, why);
}

static void deadline_fire(struct timer *t)
{
	struct process *p = container_of(t, struct process, timer);

	if (p->deadline == TIME_NEVER)
		return;
	if (time_ns() < p->deadline)
		timer_start(t, p->deadline);
	else
		deadline_miss(p);
}

/*
 * The timer is left where it is if that is early enough: when it fires, it
 * looks. So a deadline that is set and cleared all the time costs no timer.
 */
void process_deadline_set(struct process *p, u64 ns)
{
	u64 deadline = time_ns() + ns;

	p->limit = ns;
	WRITE_ONCE(p->deadline, deadline);
	if (p->task == NULL)
		return;
	assert(task_current()->vp == p->vp);
	if (!READ_ONCE(p->timer.armed) || p->timer.deadline > deadline)
		timer_start(&p->timer, deadline);
}

void process_deadline_clear(struct process *p)
{
	WRITE_ONCE(p->deadline, TIME_NEVER);
}

static void describe_page_fault(const struct trap_frame *f, char *why)
{
	const char *what = f->error & PF_FETCH ? "executing"
			   : f->error & PF_W   ? "writing"
					       : "reading";

	(void)format(why, PROCESS_WHY, "page fault %s 0x%lx at 0x%lx", what, cr2_read(), f->rip);
}

/* The error code of a protection fault by INT n names the gate, if not on every emulator. */
#define ERROR_IDT BIT(1)

void process_exception(const struct trap_frame *f)
{
	char why[PROCESS_WHY];

	if (f->vector == VEC_PF)
		describe_page_fault(f, why);
	else if (f->vector == VEC_GP && f->error & ERROR_IDT)
		(void)format(why, sizeof(why), "software interrupt at 0x%lx", f->rip);
	else
		(void)format(why, sizeof(why), "%s at 0x%lx", trap_name(f->vector), f->rip);
	process_kill(task_current()->process, why);
}
