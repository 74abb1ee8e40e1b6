/* SPDX-License-Identifier: MIT */
/*
 * Decoding trace records. No state; any task.
 */
#include "rootpart/cli/trace_text.h"

#include "hv/stats.h"
#include "lib/format.h"
#include "rootpart/cli/top.h"
#include "x86/atomic.h"

static const char *const event_names[TRACE_EVENT_COUNT] = {
	[TRACE_NONE] = "none",
	[TRACE_EXIT] = "exit",
	[TRACE_INJECT] = "inject",
	[TRACE_IRQ] = "irq",
	[TRACE_HYPERCALL] = "hypercall",
	[TRACE_IPI] = "ipi",
	[TRACE_VP_START] = "vp start",
	[TRACE_FAULT] = "fault",
	[TRACE_INTERCEPT] = "intercept",
};

const char *trace_event_name(u32 event)
{
	return event < TRACE_EVENT_COUNT ? event_names[event] : "unknown";
}

/* What the rest of an exit's second word is, by kind; in the low bits of it. */
static const struct {
	const char *label;
	u8 bits;
} exit_details[EXIT_KIND_COUNT] = {
	[EXIT_HYPERCALL] = { "control", 56 },
	[EXIT_RDMSR] = { "msr", 32 },
	[EXIT_WRMSR] = { "msr", 32 },
	[EXIT_IO] = { "port", 16 },
	[EXIT_SLAT_FAULT] = { "gpa", 56 },
	[EXIT_CR_ACCESS] = { "cr", 8 },
	[EXIT_EXCEPTION] = { "vector", 8 },
	[EXIT_INTERNAL] = { "reason", 56 },
	[EXIT_ENTRY_FAILED] = { "reason", 56 },
};

static void exit_detail(const struct trace_record *r, char *text, size_t size)
{
	u64 kind = r->b & 0xff, detail = r->b >> 8;
	int len = format(text, size, "%s rip=%#llx",
		kind < EXIT_KIND_COUNT ? exit_kind_names[kind] : "unknown",
		(unsigned long long)r->a);

	if (kind < EXIT_KIND_COUNT && exit_details[kind].label && (size_t)len < size)
		(void)format(text + len, size - (size_t)len, " %s=%#llx", exit_details[kind].label,
			(unsigned long long)(detail & (BIT(exit_details[kind].bits) - 1)));
}

void trace_detail(const struct trace_record *r, char *text, size_t size)
{
	unsigned long long a = r->a, b = r->b;

	switch (r->event) {
	case TRACE_EXIT:
		exit_detail(r, text, size);
		break;
	case TRACE_INJECT:
		(void)format(text, size, "vector=%#llx type=%llu rip=%#llx", b & 0xff, b >> 8, a);
		break;
	case TRACE_IRQ:
		(void)format(text, size, "vector=%#llx", a);
		break;
	case TRACE_HYPERCALL:
		(void)format(text, size, "code=%#llx control=%#llx result=%#llx", a & 0xffff, a, b);
		break;
	case TRACE_IPI:
		(void)format(text, size, "target=%llu icr=%#llx", a, b);
		break;
	case TRACE_VP_START:
		(void)format(text, size, "vp=%llu rip=%#llx", a, b);
		break;
	case TRACE_FAULT:
		(void)format(text, size, "gpa=%#llx access=%#llx", a, b);
		break;
	case TRACE_INTERCEPT:
		(void)format(text, size, "message=%#llx rip=%#llx", a, b);
		break;
	default:
		(void)format(text, size, "a=%#llx b=%#llx", a, b);
	}
}

u32 trace_copy(const struct trace_ring *ring, struct trace_record *out, u32 max)
{
	/* Pairs with the writer's release after the record. */
	u64 head = load_acquire(&ring->head);
	u64 from = head - MIN(MIN(head, max), ring->size);
	u32 gone = 0;

	for (u64 i = from; i < head; i++)
		out[i - from] =
			*(const volatile struct trace_record *)&ring->records[i % ring->size];
	/* The records were read before the head is read again. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/* The writer may be at work on the record at the new head, too. */
	if (load_acquire(&ring->head) + 1 - from > ring->size)
		gone = (u32)MIN(load_acquire(&ring->head) + 1 - from - ring->size, head - from);
	for (u32 i = gone; i < head - from; i++)
		out[i - gone] = out[i];
	return (u32)(head - from) - gone;
}
