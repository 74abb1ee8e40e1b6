/* SPDX-License-Identifier: MIT */
/*
 * Building a machine and taking it down. The worker goes first, because it
 * has pages of the partition mapped; then the bus, when the child has stopped, and the disks that it used;
 * the partition's messages find nobody once both are gone.
 */
#include "rootpart/vm/vm_machine.h"

#include "base/errno.h"
#include "hv/stats.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/page_alloc.h"
#include "rootpart/vm/vm.h"
#include "rootpart/vm/vm_events.h"
#include "x86/atomic.h"

static int explain(char *why, int error, const char *what, const struct vm_config *config)
{
	struct page_stats pages = page_stats_get();

	if (error == -ENOMEM)
		(void)format(why, VM_WHY,
			"not enough memory for %llu MiB: %llu MiB are free; give it less, or stop "
			"another VM",
			(unsigned long long)(config->memory / MIB),
			(unsigned long long)(pages.free * PAGE_SIZE / MIB));
	else
		(void)format(why, VM_WHY, "%s failed: %s", what, errno_text(error));
	return error;
}

bool machine_ended(const struct vm_machine *m)
{
	return load_acquire(&m->worker.ended);
}

/* The worker loads the child; then its processors may run. */
static int run(struct vm_machine *m, char *why)
{
	struct vm_worker *w = &m->worker;
	int r;

	wait_event(m->changed, load_acquire(&w->loaded) || machine_ended(m));
	if (machine_ended(m)) {
		(void)str_copy(why, w->end_asked ? w->why : process_why(w->process), VM_WHY);
		return -EINVAL;
	}
	r = child_release(&m->child);
	if (r != 0)
		(void)format(why, VM_WHY, "starting its processors failed: %s", errno_text(r));
	return r;
}

static int start_bus(struct vm_machine *m, const struct vm_config *config, char *why)
{
	int r = vm_bus_start(&m->bus, &m->child, m->worker.vp);

	if (r != 0)
		return explain(why, r, "making its bus", config);
	return vm_disks_start(&m->disks, &m->bus, config, why);
}

int machine_start(struct vm_machine *m, const struct vm_config *config, struct vm_console *console,
	struct wait_queue *changed, char *why)
{
	const char *what;
	int r;

	memset(m, 0, sizeof(*m));
	m->changed = changed;
	r = child_create(&m->child, config, &what);
	if (r != 0)
		return explain(why, r, what, config);
	vm_events_set(m->child.id, &m->worker, &m->bus);
	r = vm_worker_start(&m->worker, config, &m->child, console, changed, why, VM_WHY);
	if (r == 0)
		r = start_bus(m, config, why);
	if (r == 0)
		r = run(m, why);
	if (r != 0)
		machine_end(m);
	return r;
}

void machine_end(struct vm_machine *m)
{
	vm_worker_stop(&m->worker, "killed");
	/* Nothing of it writes to the disks or the bus any more. */
	(void)child_suspend(&m->child);
	vm_bus_stop(&m->bus);
	vm_disks_stop(&m->disks);
	vm_events_set(m->child.id, NULL, NULL);
	child_destroy(&m->child);
}

int machine_pause(struct vm_machine *m)
{
	int r = child_suspend(&m->child);

	if (r == 0)
		r = hypercall_set_property(m->child.id, HV_PROPERTY_TIME_FREEZE, 1);
	/* All of it or nothing. */
	if (r != 0)
		(void)child_release(&m->child);
	return r;
}

int machine_resume(struct vm_machine *m)
{
	int r = hypercall_set_property(m->child.id, HV_PROPERTY_TIME_FREEZE, 0);

	return r == 0 ? child_release(&m->child) : r;
}

u64 machine_cpu_ns(const struct vm_machine *m)
{
	u64 ticks = 0;

	for (u32 vp = 0; vp < m->child.vps; vp++)
		if (m->child.vp[vp].counters != NULL)
			ticks += m->child.vp[vp].counters[HV_VP_COUNTER_TOTAL_RUN_TIME];
	return time_tsc_to_ns(ticks);
}
