/* SPDX-License-Identifier: MIT */
/*
 * The SynIC's pages and what waits for them, as a parent saves and restores
 * them; its registers are synic_msr.c's, and a timer's message that waits is part
 * of the timer's state. TLFS 6.0b chapter 11.
 */
#include "hypervisor/synic_impl.h"
#include "hypervisor/vp.h"
#include "lib/string.h"

static void copy_locked(struct synic *s, void *to, const void *from)
{
	spin_lock(&s->lock);
	memcpy(to, from, PAGE_SIZE);
	spin_unlock(&s->lock);
}

void synic_message_page_get(struct vp *vp, struct hv_message_page *page)
{
	copy_locked(&vp->synic, page, vp->synic.page);
}

void synic_message_page_set(struct vp *vp, const struct hv_message_page *page)
{
	copy_locked(&vp->synic, vp->synic.page, page);
	synic_rescan(vp, 0xffff);
}

void synic_event_flags_get(struct vp *vp, struct hv_event_flags_page *page)
{
	copy_locked(&vp->synic, page, vp->synic.flags);
}

void synic_event_flags_set(struct vp *vp, const struct hv_event_flags_page *page)
{
	copy_locked(&vp->synic, vp->synic.flags, page);
}

/* Not of the hypervisor's own. */
static bool is_port_message(const struct hv_message *m)
{
	return m->header.type < HV_MESSAGE_OWN;
}

u32 synic_waiting_get(struct vp *vp, u32 skip, struct hv_message *out, u32 room)
{
	struct synic *s = &vp->synic;
	u32 number = 0;

	spin_lock(&s->lock);
	for (u32 sint = 0; sint < HV_SINT_COUNT; sint++) {
		list_for_each(n, &s->waiting[sint])
		{
			const struct hv_message *m =
				&list_entry(n, struct synic_message, link)->message;

			if (!is_port_message(m))
				continue;
			if (number >= skip && number - skip < room)
				out[number - skip] = *m;
			number++;
		}
	}
	spin_unlock(&s->lock);
	return number > skip + room ? number - skip - room : 0;
}
