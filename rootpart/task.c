/* SPDX-License-Identifier: MIT */
/*
 * Tasks: creation, switching, waiting, the idle loop. Queue logic is
 * run_queue.c's. Switches happen with interrupts off, on the task's own VP.
 */
#include "rootpart/task.h"

#include "base/assert.h"
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/paging.h"
#include "rootpart/stack.h"
#include "rootpart/time.h"

/* task_switch.S */
void task_switch(u64 *save, u64 load);
void task_start(void);

/* How long a process keeps its VP while others want it. */
#define SLICE_NS (10 * NS_PER_MS)

static struct spinlock all_lock;
static struct list_node all = LIST_INIT(all);
static u64 last_id;

/* What task_switch() pops, lowest address first. */
struct switch_frame {
	u64 r15, r14, r13, r12, rbx, rbp;
	u64 rip;
};

static struct task *task_of(struct run_entry *e)
{
	return e != NULL ? container_of(e, struct task, run) : NULL;
}

struct task *task_current(void)
{
	return this_cpu()->current;
}

static void all_add(struct task *t)
{
	u64 flags = lock_irq(&all_lock);

	t->id = ++last_id;
	list_push_back(&all, &t->all);
	unlock_irq(&all_lock, flags);
}

static void task_destroy(struct task *t)
{
	u64 flags = lock_irq(&all_lock);

	list_remove(&t->all);
	unlock_irq(&all_lock, flags);
	stack_free(t->stack_base);
	kfree(t);
}

/* What the task that was switched to does first, interrupts still off. */
static void switch_finish(void)
{
	struct cpu *cpu = this_cpu();
	struct task *dead = cpu->dead;

	cpu->dead = NULL;
	if (dead != NULL)
		task_destroy(dead);
}

/* Brings the running task's account up to date; first thing before it may leave its VP. */
static void account(struct cpu *cpu)
{
	struct task *t = cpu->current;
	u64 now = rdtsc();

	t->run_tsc += now - t->since_tsc;
	t->since_tsc = now;
	if (t->run.ring3 && t->run_tsc >= t->slice_end)
		t->run.spent = true;
}

static void slice_begin(struct task *t)
{
	t->run.spent = false;
	t->slice_end = t->run_tsc + time_ns_to_tsc(SLICE_NS);
}

/* Other tasks run on whatever lower half is loaded: they never look at it. */
static void load_ring3(struct cpu *cpu, const struct task *t)
{
	cpu->tss.rsp[0] = t->stack_base + ROOT_STACK_SIZE;
	if (cpu->cr3 != t->cr3) {
		cpu->cr3 = t->cr3;
		paging_switch(t->cr3);
	}
}

/* Runs whoever is next; comes back when it is this task's turn again. Behind account(). */
static void switch_next(void)
{
	struct cpu *cpu = this_cpu();
	struct task *old = cpu->current;
	struct task *next = task_of(run_queue_next(&cpu->run_queue));

	if (next == NULL)
		next = cpu->idle;
	if (next->run.spent)
		slice_begin(next);
	if (next == old)
		return;
	if (cpu->slice.armed)
		timer_stop(&cpu->slice);
	if (next->run.ring3)
		load_ring3(cpu, next);
	next->since_tsc = old->since_tsc;
	cpu->current = next;
	task_switch(&old->stack_pointer, next->stack_pointer);
	switch_finish();
}

static void task_main(void)
{
	struct task *t;

	switch_finish();
	irq_enable();
	t = task_current();
	t->entry(t->arg);
	task_exit();
}

static struct task *task_new(const char *name, u32 vp)
{
	struct task *t = kzalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	run_entry_init(&t->run);
	t->vp = vp;
	(void)str_copy(t->name, name, sizeof(t->name));
	return t;
}

static void kick(struct cpu *cpu)
{
	if (cpu != this_cpu())
		apic_send_ipi(cpu->apic_id, VECTOR_WAKE);
}

/* With a stack on which its first switch finds task_main(). */
static struct task *task_build(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	struct switch_frame *frame;
	struct task *t;

	assert(vp < cpu_count);
	t = task_new(name, vp);
	if (t == NULL)
		return NULL;
	t->stack_base = stack_alloc();
	if (t->stack_base == 0) {
		kfree(t);
		return NULL;
	}
	t->entry = entry;
	t->arg = arg;
	frame = (struct switch_frame *)(t->stack_base + ROOT_STACK_SIZE) - 1;
	*frame = (struct switch_frame){ .r12 = (u64)task_main, .rip = (u64)task_start };
	t->stack_pointer = (u64)frame;
	return t;
}

static void task_go(struct task *t)
{
	struct cpu *cpu = cpus[t->vp];

	all_add(t);
	if (run_queue_add(&cpu->run_queue, &t->run))
		kick(cpu);
}

struct task *task_create_on(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	struct task *t = task_build(vp, name, entry, arg);

	if (t != NULL)
		task_go(t);
	return t;
}

struct task *task_create_ring3(
	u32 vp, const char *name, void (*entry)(void *arg), struct process *p, u64 cr3)
{
	struct task *t = task_build(vp, name, entry, p);

	if (t == NULL)
		return NULL;
	t->process = p;
	t->cr3 = cr3;
	t->run.ring3 = true;
	slice_begin(t);
	task_go(t);
	return t;
}

struct task *task_create(const char *name, void (*entry)(void *arg), void *arg)
{
	return task_create_on(this_cpu()->vp, name, entry, arg);
}

void task_exit(void)
{
	struct cpu *cpu;

	irq_disable();
	cpu = this_cpu();
	account(cpu);
	cpu->current->run.state = RUN_DEAD;
	cpu->dead = cpu->current;
	switch_next();
	assert(false);
	for (;;)
		cpu_halt();
}

void task_yield(void)
{
	u64 flags = irq_save();
	struct cpu *cpu = this_cpu();

	account(cpu);
	run_queue_yield(&cpu->run_queue, &cpu->current->run);
	switch_next();
	irq_restore(flags);
}

void task_wake(struct task *t)
{
	struct cpu *cpu = cpus[t->vp];

	if (run_queue_wake(&cpu->run_queue, &t->run))
		kick(cpu);
}

void task_alert(struct task *t)
{
	struct cpu *cpu = cpus[t->vp];

	if (run_queue_alert(&cpu->run_queue, &t->run))
		kick(cpu);
}

static void slice_fire(struct timer *t)
{
	run_queue_tick(&container_of(t, struct cpu, slice)->run_queue);
}

bool task_give_way(void)
{
	struct cpu *cpu = this_cpu();
	const struct task *t = cpu->current;

	account(cpu);
	switch (run_queue_claim(&cpu->run_queue, &cpu->current->run)) {
	case RUN_CLAIM_NOW:
		switch_next();
		return true;
	case RUN_CLAIM_LATER:
		timer_start(&cpu->slice, time_ns() + time_tsc_to_ns(t->slice_end - t->run_tsc));
		return false;
	case RUN_CLAIM_NONE:
		break;
	}
	return false;
}

void task_leave_ring3(void)
{
	u64 flags = irq_save();
	struct cpu *cpu = this_cpu();

	timer_stop(&cpu->slice);
	cpu->current->run.ring3 = false;
	cpu->current->process = NULL;
	cpu->cr3 = 0;
	paging_switch(paging_cr3());
	irq_restore(flags);
}

/* The limit of one task_wait(); lives on the stack of the task. */
struct wait_timer {
	struct timer timer;
	struct task *task;
};

static void wait_timer_fire(struct timer *t)
{
	task_wake(container_of(t, struct wait_timer, timer)->task);
}

int task_wait(u64 deadline_ns)
{
	struct cpu *cpu = this_cpu();
	struct wait_timer limit = { .task = cpu->current };
	u64 flags;

	if (deadline_ns != TIME_NEVER && time_ns() >= deadline_ns)
		return -ETIMEDOUT;
	timer_init(&limit.timer, wait_timer_fire);
	flags = irq_save();
	assert((flags & RFLAGS_IF) && cpu->current != cpu->idle);
	if (deadline_ns != TIME_NEVER)
		timer_start(&limit.timer, deadline_ns);
	account(cpu);
	if (run_queue_wait(&cpu->run_queue, &cpu->current->run))
		switch_next();
	timer_stop(&limit.timer);
	irq_restore(flags);
	return deadline_ns != TIME_NEVER && time_ns() >= deadline_ns ? -ETIMEDOUT : 0;
}

void task_sleep_until(u64 deadline_ns)
{
	while (task_wait(deadline_ns) == 0)
		;
}

void task_sleep_ns(u64 ns)
{
	task_sleep_until(time_ns() + ns);
}

void task_init_vp(void)
{
	struct cpu *cpu = this_cpu();

	cpu->idle = task_new("idle", cpu->vp);
	assert(cpu->idle != NULL);
	cpu->idle->run.state = RUN_RUNNING;
	cpu->idle->since_tsc = rdtsc();
	cpu->current = cpu->idle;
	timer_init(&cpu->slice, slice_fire);
	all_add(cpu->idle);
}

void task_idle_loop(void)
{
	struct cpu *cpu = this_cpu();

	for (;;) {
		account(cpu);
		switch_next();
		if (run_queue_halt(&cpu->run_queue))
			irq_wait();
	}
}

static u64 run_tsc_now(const struct task *t)
{
	bool running = cpus[t->vp]->current == t;

	return t->run_tsc + (running ? rdtsc() - t->since_tsc : 0);
}

u32 task_snapshot(struct task_info *info, u32 max)
{
	u64 flags = lock_irq(&all_lock);
	u32 count = 0;

	list_for_each(n, &all)
	{
		const struct task *t = list_entry(n, struct task, all);

		if (count < max) {
			info[count] = (struct task_info){
				.id = t->id,
				.vp = t->vp,
				.state = t->run.state,
				.run_tsc = run_tsc_now(t),
			};
			memcpy(info[count].name, t->name, TASK_NAME_SIZE);
		}
		count++;
	}
	unlock_irq(&all_lock, flags);
	return count;
}
