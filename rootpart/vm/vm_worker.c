/* SPDX-License-Identifier: MIT */
/*
 * Setting a worker up: the address space that include/worker/abi.h promises,
 * the files of its child, and the end.
 */
#include "rootpart/vm/vm_worker.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cpu.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"
#include "rootpart/rtc.h"
#include "rootpart/vm/vm_config.h"
#include "x86/atomic.h"

#define MAILBOX_ORDER 1u
#define IMAGE_MAX     (4 * MIB)

static_assert(PAGE_SIZE << MAILBOX_ORDER == WORKER_MAILBOX_SIZE);

static void ended(struct process *p)
{
	struct vm_worker *w = process_owner(p);

	timer_stop(&w->timer);
	store_release(&w->ended, true);
	wait_wake_all(w->changed);
}

static const struct process_ops ops = { .syscall = vm_syscall, .ended = ended };

static void timer_fire(struct timer *t)
{
	struct vm_worker *w = container_of(t, struct vm_worker, timer);

	store_release(&w->timer_fired, true);
	wait_wake_all(&w->queue);
}

/* The whole program in memory; the caller frees it. */
static int image_read(void **image, size_t *size)
{
	struct vfs_stat stat;
	struct vfs_file file;
	s64 n;
	int r = vfs_stat(WORKER_PATH, &stat);

	if (r == 0)
		r = stat.size > 0 && stat.size <= IMAGE_MAX ? 0 : -EINVAL;
	if (r == 0)
		r = vfs_open(WORKER_PATH, VFS_READ, &file);
	if (r != 0)
		return r;
	*image = kmalloc(stat.size);
	n = *image != NULL ? vfs_read(&file, *image, stat.size) : -ENOMEM;
	vfs_close(&file);
	if (n == (s64)stat.size) {
		*size = stat.size;
		return 0;
	}
	kfree(*image);
	return n < 0 ? (int)n : -EIO;
}

static int process_make(struct vm_worker *w, const char *name, const char **why)
{
	struct process_config c = { .name = name, .vp = w->vp, .ops = &ops, .owner = w };
	void *image;
	int r = image_read(&image, &c.image_size);

	*why = errno_text(r);
	if (r != 0)
		return r;
	c.image = image;
	r = process_create(&c, &w->process, why);
	kfree(image);
	return r;
}

static int open_file(struct vm_worker *w, enum worker_file i, const char *path)
{
	struct vfs_stat stat;
	int r;

	w->start->file_size[i] = WORKER_NO_FILE;
	if (path[0] == '\0')
		return 0;
	r = vfs_stat(path, &stat);
	if (r == 0)
		r = vfs_open(path, VFS_READ, &w->files[i].file);
	if (r != 0)
		return r;
	w->files[i].open = true;
	w->start->file_size[i] = stat.size;
	return 0;
}

static void add_region(struct worker_start *s, u64 gpa, u64 size)
{
	if (size > 0)
		s->region[s->region_count++] = (struct worker_region){
			.gpa = gpa,
			.size = size,
			.type = WORKER_REGION_RAM,
		};
}

static void fill_start(struct vm_worker *w, const struct vm_config *config)
{
	struct worker_start *s = w->start;
	u64 low = MIN(config->memory, CHILD_LOW_RAM_END);

	s->version = WORKER_ABI_VERSION;
	s->vp_count = config->cpus;
	s->tsc_hz = boot_info()->tsc_hz;
	s->wall_seconds = rtc_seconds();
	s->wall_ns = time_ns();
	add_region(s, 0, low);
	add_region(s, 4 * GIB, config->memory - low);
	w->memory_end = config->memory > low ? 4 * GIB + config->memory - low : low;
	(void)str_copy(s->name, config->name, sizeof(s->name));
	(void)str_copy(s->cmdline, config->cmdline, sizeof(s->cmdline));
}

static int map_vps(struct vm_worker *w, struct address_space *as)
{
	int r = 0;

	for (u32 vp = 0; vp < w->child->vps && r == 0; vp++) {
		r = address_space_map(as, WORKER_REGISTER_PAGE(vp), w->child->vp[vp].registers,
			PAGE_SIZE, ADDRESS_WRITE);
		if (r == 0)
			r = address_space_map(as, WORKER_INTERCEPT_PAGE(vp),
				w->child->vp[vp].intercept, PAGE_SIZE, 0);
	}
	return r;
}

static int map_memory(struct vm_worker *w, struct address_space *as)
{
	u64 bitmap = ALIGN_UP((w->memory_end >> PAGE_SHIFT) / 8, PAGE_SIZE);
	int r = address_space_alloc(as, WORKER_DIRTY, bitmap, ADDRESS_WRITE);

	list_for_each(n, &w->child->blocks)
	{
		const struct child_block *b = list_entry(n, struct child_block, link);

		if (r == 0)
			r = address_space_map(as, WORKER_MEMORY + b->gpa, gpa_of(b->memory),
				b->size, ADDRESS_WRITE);
	}
	return r;
}

static int map_all(struct vm_worker *w)
{
	struct address_space *as = process_space(w->process);
	int r = address_space_map(as, WORKER_START, gpa_of(w->start), PAGE_SIZE, 0);

	if (r == 0)
		r = address_space_map(
			as, WORKER_MAILBOX, gpa_of(w->mailbox), WORKER_MAILBOX_SIZE, ADDRESS_WRITE);
	if (r == 0)
		r = map_vps(w, as);
	return r == 0 ? map_memory(w, as) : r;
}

static int set_up(struct vm_worker *w, const struct vm_config *config, char *why, size_t why_size)
{
	const char *reason;
	int r;

	w->start = page_alloc_zeroed(0);
	w->mailbox = page_alloc_zeroed(MAILBOX_ORDER);
	if (w->start == NULL || w->mailbox == NULL)
		return -ENOMEM;
	fill_start(w, config);
	r = open_file(w, WORKER_FILE_KERNEL, config->kernel);
	if (r != 0) {
		(void)format(why, why_size, "%.160s: %s", config->kernel, errno_text(r));
		return r;
	}
	r = open_file(w, WORKER_FILE_INITRD, config->initrd);
	if (r != 0) {
		(void)format(why, why_size, "%.160s: %s", config->initrd, errno_text(r));
		return r;
	}
	r = process_make(w, config->name, &reason);
	if (r != 0) {
		(void)format(why, why_size, "%s: %s", WORKER_PATH, reason);
		return r;
	}
	r = map_all(w);
	if (r == 0)
		process_deadline_set(w->process, WORKER_LOADING_NS);
	return r == 0 ? process_start(w->process) : r;
}

static void release(struct vm_worker *w)
{
	for (u32 i = 0; i < WORKER_FILES; i++)
		if (w->files[i].open)
			vfs_close(&w->files[i].file);
	if (w->process != NULL)
		process_free(w->process);
	if (w->mailbox != NULL)
		(void)page_free(w->mailbox, MAILBOX_ORDER);
	if (w->start != NULL)
		(void)page_free(w->start, 0);
	w->process = NULL;
	w->mailbox = NULL;
	w->start = NULL;
}

/* Workers spread over the root's VPs. */
static u32 next_vp(void)
{
	static u32 last;

	return atomic_fetch_add(&last, 1) % cpu_count;
}

int vm_worker_start(struct vm_worker *w, const struct vm_config *config, struct child *child,
	struct vm_console *console, struct wait_queue *changed, char *why, size_t why_size)
{
	int r;

	*w = (struct vm_worker){
		.child = child,
		.console = console,
		.changed = changed,
		.vp = next_vp(),
	};
	wait_queue_init(&w->queue);
	timer_init(&w->timer, timer_fire);
	why[0] = '\0';
	r = set_up(w, config, why, why_size);
	if (r == 0)
		return 0;
	if (why[0] == '\0')
		(void)str_copy(why, errno_text(r), why_size);
	release(w);
	return r;
}

void vm_worker_stop(struct vm_worker *w, const char *why)
{
	if (w->process == NULL)
		return;
	process_kill(w->process, why);
	process_wait_end(w->process);
	release(w);
}

void vm_worker_intercept(struct vm_worker *w, u32 vp)
{
	/* Pairs with the exchange in the worker's wait(). */
	atomic_fetch_or(&w->intercepted, BIT(vp));
	wait_wake_all(&w->queue);
}

void vm_worker_eoi(struct vm_worker *w, u8 vector)
{
	/* Pairs with the exchange in the worker's wait(). */
	atomic_fetch_or(&w->eoi[vector / 64], BIT(vector % 64));
	wait_wake_all(&w->queue);
}

void vm_worker_typed(struct vm_worker *w)
{
	wait_wake_all(&w->queue);
}
