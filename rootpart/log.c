/* SPDX-License-Identifier: MIT */
/*
 * The root's log ring and its way to the console. One lock keeps ring and
 * console in the same order; the console's own lock nests inside.
 */
#include "rootpart/log.h"

#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/console.h"
#include "rootpart/lock.h"
#include "rootpart/log_reader.h"
#include "x86/atomic.h"

#define RING_SIZE 16384u
#define QUIET     8u

/* The lock's, but for readers of the ring, who follow its head. */
static struct {
	struct spinlock lock;
	u64 shown;        /* position up to which lines are on the console, or are not to be */
	u64 quiet[QUIET]; /* ends of the last lines that are not */
	u32 quiet_next;
	void (*nudge)(void);
	_Alignas(struct log_ring) char ring[sizeof(struct log_ring) + RING_SIZE];
} log;

static struct log_ring *ring(void)
{
	return (struct log_ring *)(void *)log.ring;
}

const struct log_ring *log_ring_own(void)
{
	ring()->size = RING_SIZE;
	ring()->magic = LOG_RING_MAGIC;
	return ring();
}

static void append(const char *text, size_t len)
{
	struct log_ring *r = ring();
	u64 head = r->head;

	for (size_t i = 0; i < len; i++)
		r->text[(head + i) % RING_SIZE] = text[i];
	/* Pairs with the acquire in log_reader.c. */
	store_release(&r->head, head + len);
}

static bool is_quiet(u64 end)
{
	for (u32 i = 0; i < QUIET; i++)
		if (log.quiet[i] == end)
			return true;
	return false;
}

static void show(void (*write)(const char *text, size_t len))
{
	char line[LOG_LINE];
	size_t len;

	while (log_reader_next(log_ring_own(), &log.shown, line, sizeof(line) - 1)) {
		if (is_quiet(log.shown))
			continue;
		len = strlen(line);
		line[len++] = '\n';
		write(line, len);
	}
}

/* Whoever waits to show lines passes over it; if nobody does, it has been passed already. */
static void hide(bool waiting)
{
	u64 head = ring()->head;

	log.quiet[log.quiet_next++ % QUIET] = head;
	if (!waiting)
		log.shown = head;
}

static void add(const char *fmt, va_list args, bool quiet)
{
	char line[LOG_LINE];
	size_t len = (size_t)format_va(line, sizeof(line) - 1, fmt, args);
	bool waiting;
	u64 flags;

	len = MIN(len, sizeof(line) - 2);
	line[len++] = '\n';
	flags = lock_irq(&log.lock);
	waiting = log.shown != ring()->head;
	append(line, len);
	if (quiet)
		hide(waiting);
	else if (log.nudge != NULL)
		log.nudge();
	else
		show(console_write_line);
	unlock_irq(&log.lock, flags);
}

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(fmt, args, false);
	va_end(args);
}

void log_quiet(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(fmt, args, true);
	va_end(args);
}

void log_defer(void (*nudge)(void))
{
	u64 flags = lock_irq(&log.lock);

	log.nudge = nudge;
	if (nudge == NULL)
		show(console_write_line);
	unlock_irq(&log.lock, flags);
}

bool log_waiting(void)
{
	u64 flags = lock_irq(&log.lock);
	bool waiting = log.shown != ring()->head;

	unlock_irq(&log.lock, flags);
	return waiting;
}

void log_show(void)
{
	u64 flags = lock_irq(&log.lock);

	show(console_write_line);
	unlock_irq(&log.lock, flags);
}

void log_show_panic(void (*write)(const char *text, size_t len))
{
	show(write);
}
