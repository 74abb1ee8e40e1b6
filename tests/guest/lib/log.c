/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's log as the guest test kernels in the root's place see it:
 * what was said since a mark.
 */
#include "boot/log_ring.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"

static const volatile struct log_ring *ring(void)
{
	return (const volatile struct log_ring *)guest_bootinfo->log_ring;
}

struct guest_log_mark guest_log_mark(void)
{
	if (guest_is_child())
		return (struct guest_log_mark){ 0 };
	return (struct guest_log_mark){ ring()->head, ring()->dropped };
}

static bool text_is_at(u64 at, const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ring()->text[(at + i) & (ring()->size - 1)] != word[i])
			return false;
	return true;
}

bool guest_log_says(struct guest_log_mark since, const char *word)
{
	size_t len = strlen(word);

	if (guest_is_child())
		return true;
	for (u64 at = since.head; at + len <= ring()->head; at++)
		if (text_is_at(at, word, len))
			return true;
	return ring()->dropped != since.dropped;
}

bool guest_log_silent(struct guest_log_mark since)
{
	return guest_is_child() || (ring()->head == since.head && ring()->dropped == since.dropped);
}
