/* SPDX-License-Identifier: MIT */
/*
 * Machines of VMs, on a hypervisor that counts its pages: whatever goes wrong,
 * at whichever step, a start leaves nothing behind, neither memory nor
 * deposits nor a partition; and a pause is whole or not at all.
 * sources: rootpart/vm/vm_machine.c rootpart/vm/child.c rootpart/vm/deposit.c
 * sources: rootpart/errno_text.c lib/bitmap.c lib/format.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "hv/cpuid.h"
#include "hv/stats.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/mutex.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/vm/deposit.h"
#include "rootpart/vm/vm.h"
#include "rootpart/vm/vm_events.h"
#include "rootpart/vm/vm_machine.h"
#include "tests/unit/fake_root.h"

#define ID       5ull
#define VPS      2u
#define MEMORY   (12 * MIB)
#define PAGES    64u
#define NEVER    (~0u)
#define COUNTERS 0x1000ull

/* Each step of a start counts one; the one with this number fails. */
static u32 steps, fails_at;

static bool fails(void)
{
	return steps++ == fails_at;
}

/* The root's memory. */
static u32 objects;
static u64 pages_taken, pages_most, pages_free;

void *kzalloc(size_t size)
{
	if (fails())
		return NULL;
	objects++;
	return calloc(1, size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

void *page_alloc(u32 order)
{
	if (fails())
		return NULL;
	pages_taken += 1ull << order;
	pages_most = MAX(pages_most, pages_taken);
	return aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
}

int page_free(void *p, u32 order)
{
	pages_taken -= 1ull << order;
	free(p);
	return 0;
}

struct page_stats page_stats_get(void)
{
	return (struct page_stats){ .total = pages_free, .free = pages_free };
}

/* The hypervisor: two deposits, and what of the child's is in use. */
static struct deposit {
	u64 gpfns[PAGES];
	u32 count; /* those in use included */
	u32 used;
} self, deposit;
static bool exists, active;
static u32 vps;
static bool suspended[VPS], frozen;

static int take(struct deposit *d, u32 count)
{
	if (fails())
		return -EIO;
	if (d->count - d->used < count)
		return -ENOMEM;
	d->used += count;
	return 0;
}

static struct deposit *deposit_of(u64 id)
{
	assert_true(id == HV_PARTITION_SELF || (id == ID && exists));
	return id == ID ? &deposit : &self;
}

int hypercall_deposit(u64 id, const u64 *gpfns, u32 count, u32 *done)
{
	struct deposit *d = deposit_of(id);

	*done = 0;
	if (fails())
		return -EIO;
	for (; *done < count; ++*done) {
		assert_true(d->count < PAGES);
		d->gpfns[d->count++] = gpfns[*done];
	}
	return 0;
}

int hypercall_withdraw(u64 id, u64 *gpfns, u32 count, u32 *done)
{
	struct deposit *d = deposit_of(id);

	for (*done = 0; *done < count && d->count > d->used; ++*done)
		gpfns[*done] = d->gpfns[--d->count];
	return *done == count ? 0 : -ENOSPC;
}

int hypercall_create_partition(u64 flags, const struct hv_creation_properties *off, u64 *id)
{
	int r = take(&self, 1);

	(void)flags;
	(void)off;
	assert_false(exists);
	if (r == 0) {
		exists = true;
		*id = ID;
	}
	return r;
}

int hypercall_initialize_partition(u64 id)
{
	int r = take(deposit_of(id), 9);

	active = r == 0;
	return r;
}

int hypercall_finalize_partition(u64 id)
{
	assert_int_equal(id, ID);
	if (!active)
		return -EBUSY;
	active = false;
	vps = 0;
	deposit.used = 0;
	return 0;
}

int hypercall_delete_partition(u64 id)
{
	assert_int_equal(id, ID);
	assert_true(exists && !active);
	assert_int_equal(deposit.count, 0);
	exists = false;
	self.used--;
	return 0;
}

int hypercall_get_property(u64 id, u32 code, u64 *value)
{
	assert_int_equal(id, ID);
	assert_int_equal(code, HV_PROPERTY_PRIVILEGES);
	if (fails())
		return -EIO;
	*value = 1;
	return 0;
}

int hypercall_set_property(u64 id, u32 code, u64 value)
{
	assert_int_equal(id, ID);
	/* What children have stays, and it may start its own processors. */
	if (code == HV_PROPERTY_PRIVILEGES)
		assert_int_equal(value, 1 | (u64)HV_START_VIRTUAL_PROCESSOR << 32);
	if (code == HV_PROPERTY_TIME_FREEZE) {
		if (fails())
			return -EIO;
		frozen = value;
		return 0;
	}
	return fails() ? -EIO : 0;
}

int hypercall_map_gpa(u64 id, gpa_t gpa, gpa_t source, u32 count, u32 flags, u32 *done)
{
	int r = take(deposit_of(id), 3);

	(void)gpa;
	(void)source;
	(void)flags;
	assert_true(active);
	*done = r == 0 ? count : 0;
	return r;
}

int hypercall_create_vp(u64 id, u32 vp)
{
	int r = take(deposit_of(id), 2);

	assert_int_equal(vp, vps);
	if (r == 0)
		suspended[vps++] = true;
	return r;
}

int hypercall_map_state_page(u64 id, u32 vp, enum hv_vp_state_page type, gpa_t *gpa)
{
	(void)type;
	assert_true(vp < vps);
	*gpa = GPA(COUNTERS);
	return take(deposit_of(id), 1);
}

int hypercall_map_stats_page(const struct hv_stats_page_input *what, gpa_t *page)
{
	assert_true(what->partition_id == ID && what->vp_index < vps);
	*page = GPA(COUNTERS);
	return fails() ? -EIO : 0;
}

int hypercall_set_affinity(u64 id, u32 vp, u64 processors)
{
	assert_true(id == ID && vp < vps && processors == 2);
	return fails() ? -EIO : 0;
}

int hypercall_set_register(u64 id, u32 vp, u32 name, u64 value)
{
	assert_true(id == ID && vp < vps && name == HV_REGISTER_EXPLICIT_SUSPEND);
	if (fails())
		return -EIO;
	suspended[vp] = value;
	return 0;
}

int hypercall_memory_balance(u64 id, struct hv_memory_balance_output *balance)
{
	const struct deposit *d = deposit_of(id);

	if (fails())
		return -EIO;
	*balance = (struct hv_memory_balance_output){
		.available = d->count - d->used,
		.in_use = d->used,
	};
	return 0;
}

/* The worker: loads at once, or ends. */
static bool worker_on;
static u64 told;

int vm_worker_start(struct vm_worker *w, const struct vm_config *config, struct child *child,
	struct vm_console *console, struct wait_queue *changed, char *why, size_t why_size)
{
	(void)config;
	(void)child;
	(void)console;
	(void)changed;
	assert_true(why_size > 8);
	strcpy(why, "worker");
	if (fails())
		return -ENOMEM;
	worker_on = true;
	w->loaded = true;
	if (fails()) {
		w->ended = w->end_asked = true;
		strcpy(w->why, "KERNEL");
	}
	return 0;
}

void vm_worker_stop(struct vm_worker *w, const char *why)
{
	(void)w;
	assert_string_equal(why, "killed");
	/* What it has mapped is still there. */
	assert_true(exists);
	worker_on = false;
}

void vm_events_set(u64 id, struct vm_worker *w, struct vm_bus *bus)
{
	assert_int_equal(id, ID);
	assert_true((w != NULL) == (bus != NULL));
	told = w != NULL ? id : 0;
}

/* The bus, and the disks on it. */
static bool bus_on, disks_on;

int vm_bus_start(struct vm_bus *b, struct child *child, u32 vp)
{
	(void)b;
	(void)vp;
	assert_true(told == ID && worker_on && child->vps == VPS);
	if (fails())
		return -EIO;
	bus_on = true;
	return 0;
}

/* The child does not run any more. */
void vm_bus_stop(struct vm_bus *b)
{
	(void)b;
	assert_true(exists && !worker_on);
	for (u32 vp = 0; vp < vps && bus_on; vp++)
		assert_true(suspended[vp]);
	bus_on = false;
}

int vm_disks_start(struct vm_disks *d, struct vm_bus *bus, const struct vm_config *c, char *text)
{
	(void)d;
	(void)bus;
	(void)c;
	assert_true(bus_on);
	if (fails()) {
		strcpy(text, "DISK");
		return -ENOENT;
	}
	disks_on = true;
	return 0;
}

void vm_disks_stop(struct vm_disks *d)
{
	(void)d;
	assert_false(bus_on);
	disks_on = false;
}

const char *process_why(const struct process *p)
{
	(void)p;
	return "";
}

void task_yield(void)
{
}

u64 time_tsc_to_ns(u64 ticks)
{
	return ticks;
}

/* Nobody contends, and nothing is to be waited for. */
void mutex_lock(struct mutex *m)
{
	assert_false(m->held);
	m->held = true;
}

void mutex_unlock(struct mutex *m)
{
	m->held = false;
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	(void)q;
	(void)w;
	(void)deadline_ns;
	fail();
	return 0;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

static struct vm_machine machine;
static struct vm_config config;
static char why[VM_WHY];

static int start(u32 failing)
{
	steps = 0;
	pages_most = 0;
	fails_at = failing;
	why[0] = '\0';
	return machine_start(&machine, &config, NULL, NULL, why);
}

static void nothing_left(void)
{
	assert_false(exists || worker_on || bus_on || disks_on);
	assert_int_equal(told, 0);
	assert_int_equal(self.count + deposit.count, 0);
	assert_int_equal(deposit_pages_out(), 0);
	assert_int_equal(pages_taken, 0);
	assert_int_equal(objects, 0);
}

static int set_up(void **state)
{
	(void)state;
	config = (struct vm_config){ .memory = MEMORY, .cpus = VPS, .affinity = 2 };
	pages_free = MEMORY >> PAGE_SHIFT;
	frozen = false;
	return 0;
}

static void started(void **state)
{
	(void)state;
	assert_int_equal(start(NEVER), 0);
	assert_true(active && worker_on && bus_on && disks_on && told == ID);
	assert_false(suspended[0] || suspended[1]);
	machine_end(&machine);
	nothing_left();
}

static void any_step_fails(void **state)
{
	u32 count, failed = 0;

	(void)state;
	assert_int_equal(start(NEVER), 0);
	count = steps;
	machine_end(&machine);
	for (u32 i = 0; i < count; i++) {
		if (start(i) == 0) {
			machine_end(&machine);
		} else {
			assert_string_not_equal(why, "");
			failed++;
		}
		nothing_left();
	}
	/* A block of memory that is not there may be two smaller ones that are. */
	assert_in_range(failed, count - 2, count - 1);
}

/* It is not tried, and nobody else goes short of memory meanwhile. */
static void more_than_there_is(void **state)
{
	(void)state;
	pages_free--;
	assert_int_equal(start(NEVER), -ENOMEM);
	assert_string_equal(why, "not enough memory for 12 MiB: 11 MiB are free; give it less, or "
				 "stop another VM");
	/* Nothing but what the deposits take. */
	assert_true(pages_most < pages_free / 2);
	nothing_left();
}

static void half_a_pause(void **state)
{
	(void)state;
	assert_int_equal(start(NEVER), 0);
	for (u32 i = 0; i < VPS + 1; i++) {
		steps = 0;
		fails_at = i;
		assert_int_equal(machine_pause(&machine), -EIO);
		assert_false(suspended[0] || suspended[1] || frozen);
	}
	fails_at = NEVER;
	assert_int_equal(machine_pause(&machine), 0);
	assert_true(suspended[0] && suspended[1] && frozen);
	assert_int_equal(machine_resume(&machine), 0);
	assert_false(suspended[0] || suspended[1] || frozen);
	machine_end(&machine);
	nothing_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(started, set_up),
		cmocka_unit_test_setup(any_step_fails, set_up),
		cmocka_unit_test_setup(more_than_there_is, set_up),
		cmocka_unit_test_setup(half_a_pause, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
