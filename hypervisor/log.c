/* SPDX-License-Identifier: MIT */
/*
 * The log. Lines are formatted on the caller's stack, then appended and
 * written under one lock, so that lines of several processors never mix.
 */
#include "hypervisor/log.h"

#include "hypervisor/clock.h"
#include "hypervisor/console.h"
#include "hypervisor/die.h"
#include "lib/format.h"
#include "lib/string.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/spinlock.h"

#define LINE_SIZE       256u
#define EARLY_RING_SIZE 16384u
#define LIMIT_LINES     10u

static u8 early_ring[sizeof(struct log_ring) + EARLY_RING_SIZE] __aligned(64);
static struct log_ring *ring = (struct log_ring *)(void *)early_ring;
static u32 ring_size = EARLY_RING_SIZE;
static enum log_level threshold = LOG_INFO;
static struct spinlock lock;

void log_level_set(enum log_level level)
{
	threshold = level;
}

static void append(const char *text, size_t len)
{
	u64 head = ring->head;

	for (size_t i = 0; i < len; i++)
		ring->text[(head + i) & (ring_size - 1)] = text[i];
	/* Pairs with the root's acquire of head before it reads the text. */
	store_release(&ring->head, head + len);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;
	size_t len;
	bool locked;

	if (level > threshold)
		return;
	va_start(args, fmt);
	len = (size_t)format_va(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	len = MIN(len, sizeof(line) - 2);
	line[len++] = '\n';
	locked = dying() ? spin_trylock(&lock) : (spin_lock(&lock), true);
	append(line, len);
	console_write(line, len);
	if (locked)
		spin_unlock(&lock);
}

bool log_allowed(struct log_limit *limit)
{
	u64 now = rdtsc();

	if (now - limit->window_start > clock_tsc_hz) {
		limit->window_start = now;
		limit->count = 0;
		if (limit->suppressed)
			log_line(LOG_WARN, "log: %u lines like the next were left out",
				limit->suppressed);
		limit->suppressed = 0;
	}
	if (limit->count < LIMIT_LINES) {
		limit->count++;
		return true;
	}
	limit->suppressed++;
	atomic_fetch_add(&ring->dropped, 1ull);
	return false;
}

void log_ring_move(struct log_ring *to, u32 size)
{
	to->magic = LOG_RING_MAGIC;
	to->size = size;
	for (u64 i = ring->head - MIN(ring->head, MIN(ring_size, size)); i < ring->head; i++)
		to->text[i & (size - 1)] = ring->text[i & (ring_size - 1)];
	to->head = ring->head;
	to->dropped = ring->dropped;
	ring = to;
	ring_size = size;
}

void log_tail(u32 bytes)
{
	u64 head = ring->head;
	/* What stood before the oldest byte is not known, so no line begins there. */
	u64 oldest = head > ring_size ? head - ring_size + 1 : 0;
	u64 at = head - MIN(head - oldest, bytes);

	while (at < head && at && ring->text[(at - 1) & (ring_size - 1)] != '\n')
		at++;
	for (; at < head; at++)
		console_write(&ring->text[at & (ring_size - 1)], 1);
}
