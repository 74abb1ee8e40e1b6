/* SPDX-License-Identifier: MIT */
/*
 * Merging of exceptions. Called by vp_inject_exception() on the VP's own
 * processor; no state.
 */
#include "hypervisor/event.h"

#include "x86/desc.h"

enum event_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum event_class event_class(const struct event *e)
{
	if (e->type != EVENT_EXCEPTION)
		return BENIGN;
	switch (e->vector) {
	case VEC_DE:
	case VEC_TS:
	case VEC_NP:
	case VEC_SS:
	case VEC_GP:
	case VEC_CP:
		return CONTRIBUTORY;
	case VEC_PF:
	case VEC_VE:
		return PAGE_FAULT;
	case VEC_DF:
		return DOUBLE_FAULT;
	default:
		return BENIGN;
	}
}

enum outcome { TAKE_NEXT, DOUBLE, SHUTDOWN };

/* Row: the event under delivery; column: the new exception. */
static const u8 outcomes[4][4] = {
	[BENIGN] = { TAKE_NEXT, TAKE_NEXT, TAKE_NEXT, TAKE_NEXT },
	[CONTRIBUTORY] = { TAKE_NEXT, DOUBLE, TAKE_NEXT, DOUBLE },
	[PAGE_FAULT] = { TAKE_NEXT, DOUBLE, DOUBLE, DOUBLE },
	[DOUBLE_FAULT] = { TAKE_NEXT, SHUTDOWN, SHUTDOWN, SHUTDOWN },
};

bool event_merge(struct event *pending, const struct event *next)
{
	enum outcome outcome = TAKE_NEXT;

	if (pending->valid)
		outcome = outcomes[event_class(pending)][event_class(next)];
	switch (outcome) {
	case TAKE_NEXT:
		*pending = *next;
		return true;
	case DOUBLE:
		*pending = (struct event){
			.valid = true,
			.type = EVENT_EXCEPTION,
			.vector = VEC_DF,
			.has_error = true,
		};
		return true;
	default:
		return false;
	}
}
