/* SPDX-License-Identifier: MIT */
/*
 * Two rings, one lock, held for a copy of at most a buffer.
 */
#include "rootpart/vm/vm_console.h"

#include "base/errno.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "x86/atomic.h"

int vm_console_init(struct vm_console *c)
{
	*c = (struct vm_console){ .closed = true };
	wait_queue_init(&c->readers);
	c->kept = kmalloc(VM_CONSOLE_KEPT);
	return c->kept != NULL ? 0 : -ENOMEM;
}

void vm_console_free(struct vm_console *c)
{
	kfree(c->kept);
	c->kept = NULL;
}

void vm_console_open(struct vm_console *c)
{
	u64 flags = lock_irq(&c->lock);

	c->written = 0;
	c->typed_head = c->typed_tail = 0;
	c->closed = false;
	unlock_irq(&c->lock, flags);
}

void vm_console_close(struct vm_console *c)
{
	u64 flags = lock_irq(&c->lock);

	c->closed = true;
	unlock_irq(&c->lock, flags);
	wait_wake_all(&c->readers);
}

void vm_console_put(struct vm_console *c, const void *bytes, size_t count)
{
	const char *from = bytes;
	u64 flags = lock_irq(&c->lock);

	for (size_t i = 0; i < count; i++)
		c->kept[c->written++ % VM_CONSOLE_KEPT] = from[i];
	unlock_irq(&c->lock, flags);
	wait_wake_all(&c->readers);
}

/* A position of an earlier start begins anew; one that is lost goes to what is kept. */
static u64 first_kept(const struct vm_console *c, u64 position)
{
	u64 oldest = c->written > VM_CONSOLE_KEPT ? c->written - VM_CONSOLE_KEPT : 0;

	return position > c->written ? oldest : MAX(position, oldest);
}

static int copy(struct vm_console *c, u64 *position, char *buffer, size_t size, bool *off)
{
	u64 flags = lock_irq(&c->lock);
	u64 at = first_kept(c, *position);
	size_t count = 0;

	while (count < size && at < c->written)
		buffer[count++] = c->kept[at++ % VM_CONSOLE_KEPT];
	*position = at;
	*off = c->closed && at == c->written;
	c->nudged = false;
	unlock_irq(&c->lock, flags);
	return (int)count;
}

static bool worth_a_look(const struct vm_console *c, u64 position)
{
	return load_relaxed(&c->written) != position || load_relaxed(&c->closed) ||
	       load_relaxed(&c->nudged);
}

int vm_console_get(
	struct vm_console *c, u64 *position, char *buffer, size_t size, u64 deadline_ns, bool *off)
{
	u64 from = *position;

	(void)wait_event_until(&c->readers, worth_a_look(c, from), deadline_ns);
	return copy(c, position, buffer, size, off);
}

void vm_console_wake(struct vm_console *c)
{
	store_relaxed(&c->nudged, true);
	wait_wake_all(&c->readers);
}

size_t vm_console_typed_put(struct vm_console *c, const u8 *bytes, size_t count)
{
	u64 flags = lock_irq(&c->lock);
	size_t n = 0;

	while (n < count && c->typed_head - c->typed_tail < VM_CONSOLE_TYPED)
		c->typed[c->typed_head++ % VM_CONSOLE_TYPED] = bytes[n++];
	unlock_irq(&c->lock, flags);
	return n;
}

size_t vm_console_typed_take(struct vm_console *c, u8 *bytes, size_t size)
{
	u64 flags = lock_irq(&c->lock);
	size_t n = 0;

	while (n < size && c->typed_tail != c->typed_head)
		bytes[n++] = c->typed[c->typed_tail++ % VM_CONSOLE_TYPED];
	unlock_irq(&c->lock, flags);
	return n;
}

bool vm_console_typed_waits(const struct vm_console *c)
{
	return load_relaxed(&c->typed_head) != load_relaxed(&c->typed_tail);
}
