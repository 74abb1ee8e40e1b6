/* SPDX-License-Identifier: MIT */
/*
 * Event flags. Their page is the hypervisor's, as that of messages is; a flag is
 * set with one atomic OR, because the guest clears others of its word meanwhile.
 * TLFS 6.0b, 11.7.
 */
#include "hv/msr.h"
#include "hypervisor/synic_impl.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

bool synic_takes_events(const struct synic *s, u32 sint)
{
	return s->control & HV_SCONTROL_ENABLE && s->siefp & HV_MSR_PAGE_ENABLE &&
	       !(s->sint[sint] & HV_SINT_MASKED);
}

enum hv_status synic_signal(struct vp *vp, u32 sint, u32 flag, bool *newly)
{
	struct synic *s = &vp->synic;
	u64 bit = BIT(flag % 64);

	*newly = false;
	spin_lock(&s->lock);
	if (!synic_takes_events(s, sint)) {
		spin_unlock(&s->lock);
		return HV_STATUS_INVALID_SYNIC_STATE;
	}
	/* Partner: the guest's locked AND, or exchange. */
	*newly = !(atomic_fetch_or(&s->flags->word[sint][flag / 64], bit) & bit);
	if (*newly)
		synic_interrupt(vp, sint);
	spin_unlock(&s->lock);
	return HV_STATUS_SUCCESS;
}
