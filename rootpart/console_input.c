/* SPDX-License-Identifier: MIT */
/*
 * The input queue. Bytes are pushed by interrupt handlers of the console's
 * devices, read by the CLI's task.
 */
#include "rootpart/console_input.h"

#include "base/errno.h"
#include "rootpart/console.h"
#include "rootpart/lock.h"
#include "rootpart/waitq.h"
#include "x86/atomic.h"

#define QUEUE_SIZE 8192u

static struct {
	struct spinlock lock;
	/* The lock's; read alone without it to see whether to wait. */
	u32 head; /* bytes ever pushed */
	u32 tail; /* bytes ever taken */
	u32 interrupts;
	bool nudged;
	u8 bytes[QUEUE_SIZE];
} queue;

static struct wait_queue readers = WAIT_QUEUE_INIT(readers);

size_t console_input_room(void)
{
	return QUEUE_SIZE - (load_relaxed(&queue.head) - load_relaxed(&queue.tail));
}

bool console_input_push(u8 byte)
{
	u64 flags = lock_irq(&queue.lock);
	bool room = console_input_room() > 0;

	if (room) {
		queue.bytes[queue.head % QUEUE_SIZE] = byte;
		store_relaxed(&queue.head, queue.head + 1);
		queue.interrupts += byte == CONSOLE_CTRL_C;
	}
	unlock_irq(&queue.lock, flags);
	wait_wake_all(&readers);
	return room;
}

/* The oldest byte, or -EAGAIN. The lock is held. */
static int take(void)
{
	u8 byte;

	if (queue.head == queue.tail)
		return -EAGAIN;
	byte = queue.bytes[queue.tail % QUEUE_SIZE];
	store_relaxed(&queue.tail, queue.tail + 1);
	queue.interrupts -= byte == CONSOLE_CTRL_C;
	return byte;
}

static int try_read(void)
{
	u64 flags = lock_irq(&queue.lock);
	int r = take();

	if (r == -EAGAIN && queue.nudged) {
		queue.nudged = false;
		r = -EINTR;
	}
	unlock_irq(&queue.lock, flags);
	return r;
}

int console_read(u64 deadline_ns)
{
	int byte = -EAGAIN;
	int r = wait_event_until(&readers, (byte = try_read()) != -EAGAIN, deadline_ns);

	if (byte >= 0)
		console_input_taken();
	return r != 0 ? r : byte;
}

void console_nudge(void)
{
	u64 flags = lock_irq(&queue.lock);

	queue.nudged = true;
	unlock_irq(&queue.lock, flags);
	wait_wake_all(&readers);
}

bool console_interrupted(void)
{
	return load_relaxed(&queue.interrupts) > 0;
}

bool console_take_interrupt(void)
{
	u64 flags = lock_irq(&queue.lock);
	bool any = queue.interrupts > 0;

	while (queue.interrupts > 0)
		(void)take();
	unlock_irq(&queue.lock, flags);
	console_input_taken();
	return any;
}

int console_wait(u64 deadline_ns)
{
	int r = wait_event_until(&readers, console_interrupted(), deadline_ns);

	return r == 0 ? -EINTR : 0;
}

int console_wait_for(bool (*ready)(void *ctx), void *ctx, u64 deadline_ns)
{
	int r = wait_event_until(&readers, console_interrupted() || ready(ctx), deadline_ns);

	return r == 0 && console_interrupted() ? -EINTR : r;
}

void console_wake(void)
{
	wait_wake_all(&readers);
}
