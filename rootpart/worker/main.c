/* SPDX-License-Identifier: MIT */
/*
 * A worker in one page: load, say so, wait, deal with what came. One thread,
 * no allocation, and each event costs bounded work.
 */
#include "rootpart/worker/main.h"

#include "rootpart/worker/console.h"
#include "rootpart/worker/intercept.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/memory.h"
#include "rootpart/worker/report.h"
#include "rootpart/worker/space.h"
#include "rootpart/worker/sys.h"

#define VPS_MAX 64u

static void check_start(void)
{
	const struct worker_start *start = space_start();

	if (start->version != WORKER_ABI_VERSION)
		report_failure("the kernel starts workers by version %u, this one has %u: "
			       "rebuild boot.cpio",
			start->version, WORKER_ABI_VERSION);
	if (start->vp_count < 1 || start->vp_count > VPS_MAX)
		report_failure("%u VPs, which is not 1 to %u", start->vp_count, VPS_MAX);
	if (!memory_init())
		report_failure("the regions of memory make no sense");
}

static void intercept_check(u32 vp)
{
	if (vp >= space_start()->vp_count)
		report_failure("an intercept of VP %u, which is not there", vp);
	intercept_handle(vp);
}

static void handle(const struct sys_event *event)
{
	switch (event->kind) {
	case WORKER_EVENT_INTERCEPT:
		intercept_check(event->vp);
		break;
	case WORKER_EVENT_INPUT:
		console_input(event->input.bytes, event->input.count);
		break;
	case WORKER_EVENT_EOI:
		ioapic_eoi(&machine.ioapic, event->vector);
		break;
	case WORKER_EVENT_TIMER:
		console_timer();
		break;
	default:
		report_failure("an event of unknown kind %u", event->kind);
	}
}

_Noreturn void worker_run(void)
{
	struct sys_event event;

	check_start();
	machine_init();
	load_child();
	sys_loaded();
	for (;;) {
		sys_wait(&event);
		handle(&event);
	}
}
