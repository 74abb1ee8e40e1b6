/* SPDX-License-Identifier: MIT */
/*
 * See disk_machine.h.
 */
#include "tests/unit/disk_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/irq.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/work.h"
#include "tests/unit/fake_root.h"

#define TASKS      8u
#define STACK      (256 * KIB)
#define PAGES      (MACHINE_MEMORY / PAGE_SIZE)
#define STEPS_MAX  2000000u
#define LEVEL_LEFT 40000u /* interrupts in a row */

struct fiber {
	struct task task;
	ucontext_t context;
	char stack[STACK];
	void (*entry)(void *arg);
	void *arg;
	bool used, woken, asleep;
	u64 deadline;
};

bool (*machine_device)(void);
bool (*machine_line)(void);
void (*machine_on_done)(struct block_device *d);
struct pci_device machine_pci;
u32 machine_irqs, machine_logs, machine_isa[2];
char machine_log[256];
struct machine_disk machine_disks[MACHINE_DEVICES];
u32 machine_disk_count, machine_strays;
struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = 1;

static struct fiber *fibers[TASKS];
static struct fiber *current;
static ucontext_t scheduler;
static u64 now;
static struct list_node works = LIST_INIT(works);
static struct {
	irq_handler handler;
	void *ctx;
} irqs[2];
static u8 page_used[PAGES];
static u64 next_page;
static u32 ended;

/* Time. */
u64 time_ns(void)
{
	return now += 10;
}

u64 machine_now(void)
{
	return now;
}

void time_spin_ns(u64 ns)
{
	now += ns;
}

void fake_wait(void)
{
	abort();
}

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(machine_log, sizeof(machine_log), fmt, args);
	va_end(args);
	if (getenv("V"))
		fprintf(stderr, "%10llu us: %s\n", (unsigned long long)now / 1000, machine_log);
	machine_logs++;
}

void *kzalloc(size_t size)
{
	return calloc(1, size);
}

void kfree(void *p)
{
	free(p);
}

/* Memory: pages are handed out once each, so that a late write is seen. */
u32 page_order(u64 size)
{
	u32 order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

void *page_alloc(u32 order)
{
	u64 n = 1ull << order;
	u64 first = (next_page + n - 1) & ~(n - 1);

	assert_true(first + n <= PAGES);
	next_page = first + n;
	memset(page_used + first, 1, n);
	memset(gpa_ptr(GPA(first << PAGE_SHIFT)), 0xa5, n << PAGE_SHIFT);
	return gpa_ptr(GPA(first << PAGE_SHIFT));
}

void *page_alloc_low(u32 order)
{
	return page_alloc(order);
}

int page_free(void *p, u32 order)
{
	u64 first = gpa_of(p).a >> PAGE_SHIFT;

	for (u64 i = first; i < first + (1ull << order); i++) {
		assert_int_equal(page_used[i], 1);
		page_used[i] = 0;
	}
	return 0;
}

u32 machine_pages(void)
{
	u32 n = 0;

	for (u64 i = 0; i < PAGES; i++)
		n += page_used[i] == 1;
	return n;
}

gpa_t machine_buffer(u64 size)
{
	u64 n = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	u64 first = next_page;

	assert_true(first + n <= PAGES);
	next_page += n;
	memset(page_used + first, 2, n);
	return GPA(first << PAGE_SHIFT);
}

void *machine_dma(u64 gpa, u64 len)
{
	assert_true(len > 0 && gpa < MACHINE_MEMORY && len <= MACHINE_MEMORY - gpa);
	for (u64 i = gpa >> PAGE_SHIFT; i <= (gpa + len - 1) >> PAGE_SHIFT; i++)
		assert_true(page_used[i] != 0);
	return gpa_ptr(GPA(gpa));
}

/* Tasks. */
static void leave(void)
{
	struct fiber *f = current;

	swapcontext(&f->context, &scheduler);
}

static void fiber_main(void)
{
	current->entry(current->arg);
	current->used = false;
	leave();
	abort();
}

struct task *task_create_on(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	struct fiber *f;
	u32 i = 0;

	(void)name;
	assert_int_equal(vp, 0);
	while (i < TASKS && fibers[i] != NULL && fibers[i]->used)
		i++;
	assert_true(i < TASKS);
	if (fibers[i] == NULL)
		fibers[i] = malloc(sizeof(*f));
	f = fibers[i];
	memset(f, 0, offsetof(struct fiber, stack));
	f->entry = entry;
	f->arg = arg;
	f->used = f->woken = true;
	f->deadline = TIME_NEVER;
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = sizeof(f->stack);
	makecontext(&f->context, fiber_main, 0);
	return &f->task;
}

struct task *task_current(void)
{
	assert_non_null(current);
	return &current->task;
}

void task_wake(struct task *t)
{
	container_of(t, struct fiber, task)->woken = true;
}

int task_wait(u64 deadline_ns)
{
	struct fiber *f = current;

	assert_non_null(f);
	assert_true(fake_irq_on);
	f->deadline = deadline_ns;
	if (!f->woken)
		leave();
	f->woken = false;
	return now >= deadline_ns ? -ETIMEDOUT : 0;
}

void task_sleep_ns(u64 ns)
{
	struct fiber *f = current;
	u64 until = now + ns;

	assert_non_null(f);
	assert_true(fake_irq_on);
	f->deadline = until;
	f->asleep = true;
	leave();
	f->asleep = false;
}

void work_init(struct work *w, void (*run)(struct work *w))
{
	*w = (struct work){ .run = run };
	list_init(&w->link);
}

void work_ask(struct work *w)
{
	if (!w->asked)
		list_push_back(&works, &w->link);
	w->asked = true;
}

static bool run_works(void)
{
	struct list_node *n = list_pop_front(&works);
	struct work *w;

	if (n == NULL)
		return false;
	w = list_entry(n, struct work, link);
	w->asked = false;
	w->run(w);
	return true;
}

static bool run_tasks(void)
{
	bool some = false;

	for (u32 i = 0; i < TASKS; i++) {
		struct fiber *f = fibers[i];

		if (f == NULL || !f->used || ((!f->woken || f->asleep) && now < f->deadline))
			continue;
		current = f;
		swapcontext(&scheduler, &f->context);
		current = NULL;
		some = true;
	}
	return some;
}

static void handlers(void)
{
	fake_irq_on = false;
	for (u32 i = 0; i < 2; i++)
		if (irqs[i].handler != NULL)
			irqs[i].handler(irqs[i].ctx);
	fake_irq_on = true;
	machine_irqs++;
}

void machine_foreign_interrupt(void)
{
	handlers();
}

/* As long as the line is up the handlers are called. */
static bool run_interrupts(void)
{
	u32 n = 0;

	while (n < LEVEL_LEFT && machine_line != NULL && machine_line()) {
		handlers();
		n++;
	}
	return n > 0;
}

static bool step(void)
{
	bool some = machine_device != NULL && machine_device();

	some |= run_interrupts();
	some |= run_works();
	some |= run_tasks();
	return some;
}

static u64 next_deadline(u64 limit)
{
	for (u32 i = 0; i < TASKS; i++)
		if (fibers[i] != NULL && fibers[i]->used)
			limit = MIN(limit, MAX(fibers[i]->deadline, now + 1));
	return limit;
}

static void run_until(u64 limit, const bool *end)
{
	for (u32 i = 0; i < STEPS_MAX; i++) {
		if (end != NULL && *end)
			return;
		if (step())
			continue;
		if (now >= limit)
			return;
		now = next_deadline(limit);
	}
	fail_msg("something goes on for ever");
}

void machine_run(u64 ns)
{
	run_until(now + ns, NULL);
}

struct call {
	int (*fn)(void *arg);
	void *arg;
	int result;
	bool done;
};

static void call_main(void *arg)
{
	struct call *c = arg;

	c->result = c->fn(c->arg);
	c->done = true;
}

int machine_call(int (*fn)(void *arg), void *arg)
{
	struct call c = { .fn = fn, .arg = arg };

	(void)task_create_on(0, "test", call_main, &c);
	run_until(now + 120 * NS_PER_S, &c.done);
	assert_true(c.done);
	return c.result;
}

/* PCI. */
void pci_command(const struct pci_device *dev, u16 set, u16 clear)
{
	(void)dev;
	(void)set;
	(void)clear;
}

int pci_irq_request(struct pci_device *dev, u32 index, u32 vp, irq_handler handler, void *ctx)
{
	assert_ptr_equal(dev, &machine_pci);
	assert_int_equal(index, 0);
	assert_int_equal(vp, 0);
	irqs[0].handler = handler;
	irqs[0].ctx = ctx;
	return 0;
}

void pci_irq_release(struct pci_device *dev)
{
	(void)dev;
	irqs[0].handler = NULL;
}

const char *pci_name(const struct pci_device *dev, char *text)
{
	(void)dev;
	return strcpy(text, "0000:00:01.1");
}

int irq_request_isa(u32 line, u32 vp, irq_handler handler, void *ctx, struct irq **out)
{
	assert_true(line == 14 || line == 15);
	assert_int_equal(vp, 0);
	irqs[line - 14].handler = handler;
	irqs[line - 14].ctx = ctx;
	machine_isa[line - 14]++;
	*out = (struct irq *)&irqs[line - 14];
	return 0;
}

void irq_release(struct irq *irq)
{
	((__typeof__(irqs[0]) *)irq)->handler = NULL;
}

/* Blocks. */
int block_register(struct block_device *d, bool cd)
{
	struct machine_disk *m = &machine_disks[machine_disk_count];

	assert_true(machine_disk_count < MACHINE_DEVICES && d->depth <= MACHINE_DEPTH);
	snprintf(d->name, sizeof(d->name), "%s%u", cd ? "cd" : "disk", machine_disk_count);
	m->block = d;
	m->cd = cd;
	machine_disk_count++;
	return 0;
}

static struct machine_disk *disk_of(const struct block_device *d)
{
	for (u32 i = 0; i < machine_disk_count; i++)
		if (machine_disks[i].block == d)
			return &machine_disks[i];
	abort();
}

void block_piece_done(struct block_device *d, u32 queue, u32 tag, int error)
{
	struct machine_piece *p = &disk_of(d)->pieces[tag];

	assert_int_equal(queue, 0);
	assert_true(tag < d->depth);
	if (!p->busy) {
		machine_strays++;
		return;
	}
	p->busy = false;
	p->ended++;
	p->error = error;
	p->order = ++ended;
	if (machine_on_done != NULL)
		machine_on_done(d);
}

void block_ask_recover(struct block_device *d)
{
	disk_of(d)->asked = true;
}

struct machine_piece *machine_start(u32 disk, u32 tag, enum block_op op, u64 sector, u64 bytes,
	const struct block_segment *segments, u32 count, bool more)
{
	struct block_device *d = machine_disks[disk].block;
	struct machine_piece *p = &machine_disks[disk].pieces[tag];

	assert_true(tag < d->depth && !p->busy);
	*p = (struct machine_piece){ .busy = true };
	p->request.device = d;
	p->piece = (struct block_piece){ .request = &p->request,
		.op = op,
		.sector = sector,
		.bytes = bytes,
		.segments = segments,
		.segment_count = count,
		.tag = tag };
	fake_irq_on = false;
	d->ops->start(d, 0, &p->piece);
	p->piece.segments = NULL;
	if (!more && d->ops->kick != NULL)
		d->ops->kick(d, 0);
	fake_irq_on = true;
	return p;
}

static int call_recover(void *arg)
{
	struct block_device *d = arg;

	return d->ops->recover(d);
}

int machine_recover(u32 disk)
{
	machine_disks[disk].asked = false;
	return machine_call(call_recover, machine_disks[disk].block);
}

void machine_reset(void)
{
	if (fake_direct_base == 0)
		fake_memory(MACHINE_MEMORY);
	for (u32 i = 0; i < TASKS; i++)
		if (fibers[i] != NULL)
			fibers[i]->used = false;
	list_init(&works);
	memset(irqs, 0, sizeof(irqs));
	memset(page_used, 0, sizeof(page_used));
	memset(machine_disks, 0, sizeof(machine_disks));
	memset(machine_isa, 0, sizeof(machine_isa));
	next_page = 16;
	ended = machine_irqs = machine_logs = machine_disk_count = machine_strays = 0;
	machine_device = NULL;
	machine_line = NULL;
	machine_on_done = NULL;
	now = NS_PER_S;
	fake_irq_on = true;
}
