/* SPDX-License-Identifier: MIT */
/*
 * The child that fuzzes.
 */
#include "tests/guest/lib/fuzz_child.h"

#include "tests/guest/lib/child_vp.h"
#include "x86/cpu.h"
#include "x86/io.h"

/* All privileges that a child can have. */
#define PRIVILEGES 0x0020003200000e7full

/* The child's. */
static struct fuzz own;
static u64 own_count;

_Noreturn static void child_main(void)
{
	fuzz_begin();
	(void)fuzz_run(&own, own_count);
	for (;;)
		out8(FUZZ_CHILD_PORT, 0);
}

_Noreturn static void child_second(void)
{
	for (;;)
		cpu_pause();
}

void fuzz_child_begin(struct fuzz_child *c, u64 seed, u64 count, bool both)
{
	own = (struct fuzz){ .seed = seed };
	own_count = count;
	child_privileges = PRIVILEGES;
	child_self_begin(&c->self, FUZZ_CHILD_PAGES);
	child_privileges = 0;
	c->fuzz = child_self_at(&c->self, &own);
	child_self_vp(&c->self, 0, child_main);
	child_self_vp(&c->self, 1, child_second);
	if (both)
		child_release(c->self.id, 1);
	child_release(c->self.id, 0);
}

u64 fuzz_child_end(struct fuzz_child *c)
{
	return child_self_end(&c->self);
}
