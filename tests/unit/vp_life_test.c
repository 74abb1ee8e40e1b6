/* SPDX-License-Identifier: MIT */
/*
 * Making and ending VPs: the state that they begin in, the root's and a
 * child's; every page that may be missing; and, at the end, that each part
 * lets go before its pages are another's.
 * sources: hypervisor/vp_life.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hypervisor/cpu.h"
#include "hypervisor/fpu.h"
#include "hypervisor/frame.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_clock.h"
#include "hypervisor/pool.h"
#include "hypervisor/sched.h"
#include "hypervisor/share_page.h"
#include "hypervisor/vp.h"

static struct partition parent, child;
static struct cpu cpu;
static struct vp caller;

/* Pages that count, and can be short. */
static u64 pages_used, pages_left;
static struct partition *payer;

void *partition_page_alloc(struct partition *p)
{
	assert_ptr_equal(p, payer);
	if (!pages_left)
		return NULL;
	pages_left--;
	pages_used++;
	return calloc(1, PAGE_SIZE);
}

void partition_page_free(struct partition *p, void *page)
{
	assert_ptr_equal(p, payer);
	assert_non_null(page);
	pages_used--;
	free(page);
}

static u8 marked;

void frame_mark(spa_t start, u64 size, enum frame_type type, u16 owner)
{
	(void)start;
	assert_int_equal(size, 4096);
	assert_int_equal(owner, 0);
	marked = (u8)type;
}

spa_t virt_to_spa(const void *p)
{
	return SPA((u64)p);
}

size_t fpu_size(const struct cpu *c)
{
	assert_ptr_equal(c, &cpu);
	return 832;
}

void fpu_init(struct vp *v)
{
	assert_non_null(v->fpu);
}

static u32 clocks_loaded, creations;

/* The control block is there. */
void partition_clock_load(struct vp *v)
{
	assert_int_equal(creations, clocks_loaded + 1);
	assert_ptr_equal(v->partition, payer);
	clocks_loaded++;
}

void vlapic_init(struct vlapic *l, u32 id, bool bsp)
{
	l->id = id;
	l->base_msr = bsp;
}

/* The first VP of any partition waits for nobody. */
void vp_startup_set(struct vp *v, bool waits)
{
	v->startup = waits;
}

void vlapic_level_init(struct vp *v)
{
	list_init(&v->eoi.link);
}

void synic_init(struct synic *s, struct hv_message_page *page, struct hv_event_flags_page *flags)
{
	s->page = page;
	s->flags = flags;
}

void overlay_init(struct overlay *o)
{
	o->on = false;
}

void stimer_init(struct vp *v)
{
	assert_non_null(v->stimers);
}

void sched_vp_init(struct vp *v)
{
	assert_non_null(v->partition);
	v->affinity = 1;
}

u64 vp_memo_key(const struct vp *v)
{
	assert_non_null(v->partition);
	static u64 last = 41;

	return ++last;
}

/* The steps of an end, in order. */
static char steps[16];
static struct vp *ending;

static void step(char c)
{
	steps[strlen(steps)] = c;
}

/* Nobody may find it any more when the first flush begins. */
void partition_flush(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &child);
	assert_ptr_equal(self, &caller);
	assert_null(child.vps[2]);
	assert_int_equal(p->lock.next, p->lock.owner);
	step('f');
}

/* What others send to it, after which nobody does. */
void port_vp_end(struct vp *v)
{
	assert_ptr_equal(v, ending);
	assert_null(child.vps[2]);
	step('e');
}

void vlapic_timer_end(struct vp *v)
{
	assert_ptr_equal(v, ending);
	step('t');
}

void stimer_end(struct vp *v)
{
	assert_ptr_equal(v, ending);
	step('c');
}

void synic_cancel(struct synic_message *m)
{
	if (m != &ending->intercept)
		assert_ptr_equal(m, &ending->eoi);
	step(m == &ending->eoi ? 'e' : 'm');
}

void vp_state_pages_end(struct vp *v, struct vp *self)
{
	assert_ptr_equal(v, ending);
	assert_ptr_equal(self, &caller);
	step('p');
}

/* The parent stops seeing the counters while they are still the VP's. */
void share_page_end(struct partition *p, void *page, struct vp *self)
{
	assert_ptr_equal(p, &child);
	assert_ptr_equal(page, ending->stats);
	assert_ptr_equal(self, &caller);
	assert_int_equal(p->lock.next, p->lock.owner);
	step('s');
}

void overlay_clear(struct partition *p, struct overlay *o)
{
	assert_true(o == &ending->synic.overlay || o == &ending->synic.flags_overlay ||
		    o == &ending->assist_overlay);
	assert_int_not_equal(p->lock.next, p->lock.owner);
	step('o');
}

/* The back end. */
static enum hv_status create_status;

static enum hv_status fake_vp_create(struct vp *v)
{
	assert_int_equal(v->apic_id, 7);
	assert_ptr_equal(v->partition, payer);
	creations += create_status == HV_STATUS_SUCCESS;
	return create_status;
}

static void fake_vp_delete(struct vp *v)
{
	assert_ptr_equal(v, ending);
	step('v');
}

static const struct virt_ops ops = { .vp_create = fake_vp_create, .vp_delete = fake_vp_delete };
const struct virt_ops *virt = &ops;

static int setup(void **state)
{
	(void)state;
	memset(&parent, 0, sizeof(parent));
	memset(&child, 0, sizeof(child));
	memset(steps, 0, sizeof(steps));
	parent.id = 1;
	child.id = 5;
	child.parent = &parent;
	payer = &child;
	pages_used = 0;
	pages_left = 100;
	create_status = HV_STATUS_SUCCESS;
	marked = FRAME_NONE;
	return 0;
}

static struct vp *make(struct partition *p, u32 index)
{
	struct vp *v = NULL;

	payer = p;
	creations = clocks_loaded = 0;
	assert_int_equal(vp_create(p, index, 7, &cpu, &v), HV_STATUS_SUCCESS);
	assert_int_equal(clocks_loaded, 1);
	assert_ptr_equal(p->vps[index], v);
	return v;
}

static void drop(struct vp *v)
{
	free(v->stats);
	free(v->fpu);
	free(v->synic.page);
	free(v->synic.flags);
	free(v->stimers);
	free(v);
}

static void test_root(void **state)
{
	struct vp *v = make(&parent, 2);

	(void)state;
	assert_int_equal(parent.vp_count, 1);
	assert_int_equal(v->stop, VP_STOP_STARTUP);
	assert_int_equal(v->index, 2);
	assert_int_equal(v->tag, 1 | 2 << 16);
	assert_ptr_equal(v->cpu, &cpu);
	assert_int_equal(v->vlapic.id, 7);
	assert_false(v->vlapic.base_msr);
	assert_int_not_equal(v->memo_key, 0);
	/* The root may read its counters. */
	assert_int_equal(marked, FRAME_SHARED);
	drop(v);
}

/* VP 0 stands as a processor does after power-on; the others wait to be started. */
static void test_child(void **state)
{
	struct vp *first = make(&child, 0);
	struct vp *second = make(&child, 63);

	(void)state;
	assert_int_equal(child.vp_count, 2);
	assert_int_equal(first->stop, VP_STOP_EXPLICIT);
	assert_true(first->vlapic.base_msr);
	assert_int_equal(second->stop, VP_STOP_EXPLICIT | VP_STOP_STARTUP);
	assert_int_equal(first->affinity, 1);
	assert_true(list_empty(&first->intercept.link));
	assert_true(list_empty(&first->eoi.link));
	assert_int_equal(first->startup, 0);
	assert_int_equal(second->startup, 1);
	assert_int_not_equal(first->memo_key, second->memo_key);
	assert_int_equal(marked, FRAME_NONE);
	drop(first);
	drop(second);
}

static void test_refused(void **state)
{
	struct vp *v = make(&child, 2);
	struct vp *other;

	(void)state;
	assert_int_equal(vp_create(&child, 64, 7, &cpu, &other), HV_STATUS_INVALID_VP_INDEX);
	assert_int_equal(vp_create(&child, 2, 7, &cpu, &other), HV_STATUS_OBJECT_IN_USE);
	assert_ptr_equal(child.vps[2], v);
	assert_int_equal(child.vp_count, 1);
	drop(v);
}

/* Short of any page, or refused by the back end, it leaves nothing behind. */
static void nothing_stays(enum hv_status status)
{
	struct vp *v = NULL;

	assert_int_equal(vp_create(payer, 2, 7, &cpu, &v), status);
	assert_null(v);
	assert_int_equal(pages_used, 0);
	assert_null(payer->vps[2]);
	assert_int_equal(payer->vp_count, 0);
	assert_int_equal(marked, FRAME_NONE);
}

static void test_no_memory(void **state)
{
	u64 all;

	(void)state;
	drop(make(&child, 2));
	all = pages_used;
	for (u32 i = 0; i < 2; i++) {
		setup(NULL);
		payer = i ? &parent : &child;
		for (u64 pages = 0; pages < all; pages++) {
			pages_left = pages;
			nothing_stays(HV_STATUS_INSUFFICIENT_MEMORY);
		}
		pages_left = 100;
		create_status = HV_STATUS_NO_RESOURCES;
		nothing_stays(HV_STATUS_NO_RESOURCES);
	}
}

static void test_delete(void **state)
{
	(void)state;
	ending = make(&child, 2);
	vp_delete(ending, &caller);
	assert_null(child.vps[2]);
	assert_int_equal(child.vp_count, 0);
	assert_int_equal(pages_used, 0);
	/* What others have under way ends first; pages that the parent sees, and
	 * the pages that were laid over, are forgotten by all before they are another's. */
	assert_string_equal(steps, "fetcmepsooofv");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_root, setup),
		cmocka_unit_test_setup(test_child, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_no_memory, setup),
		cmocka_unit_test_setup(test_delete, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
