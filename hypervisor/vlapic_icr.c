/* SPDX-License-Identifier: MIT */
/*
 * Interrupt commands of the virtual APIC: who is meant, and what each of them
 * gets. Runs on the sender's processor; of the receivers' APICs it only reads
 * mode and logical id, which are single words that may just be changing, as
 * on a real bus. Intel SDM volume 3, 11.6 and 11.12.
 */
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/trace.h"
#include "hypervisor/vlapic_impl.h"

/* Reserved in x2APIC mode: 31:20, 17:16, 13. Bit 12 reads 0 and is ignored. */
#define ICR_RESERVED      0xfff32000u
#define ICR_STORED_XAPIC  0xff000000000ccfffull
#define ICR_STORED_X2APIC 0xffffffff000ccfffull
#define XAPIC_BROADCAST   0xffu
#define X2APIC_BROADCAST  0xffffffffu
#define DFR_FLAT          0xfu

/* A command, decoded. */
struct ipi {
	struct vp *from;
	u32 dest;
	u8 vector;
	u8 mode; /* APIC_DM_* */
	u8 shorthand;
	bool logical;
	bool broadcast;
};

static bool logical_match_xapic(const struct vlapic *l, u32 dest)
{
	u32 id = load_relaxed(&l->ldr) >> 24;

	if (load_relaxed(&l->dfr) >> 28 == DFR_FLAT)
		return id & dest & 0xff;
	return dest >> 4 == id >> 4 && (id & dest & 0xf);
}

static bool logical_match_x2apic(const struct vlapic *l, u32 dest)
{
	u32 id = load_relaxed(&l->ldr);

	return dest >> 16 == id >> 16 && (id & dest & 0xffff);
}

static bool is_meant(const struct ipi *ipi, const struct vp *to)
{
	const struct vlapic *l = &to->vlapic;

	if (ipi->shorthand == APIC_SHORTHAND_SELF)
		return to == ipi->from;
	if (ipi->shorthand == APIC_SHORTHAND_OTHERS)
		return to != ipi->from;
	if (ipi->shorthand == APIC_SHORTHAND_ALL || ipi->broadcast)
		return true;
	if (!ipi->logical)
		return ipi->dest == l->id;
	return vlapic_is_x2apic(l) ? logical_match_x2apic(l, ipi->dest)
				   : logical_match_xapic(l, ipi->dest);
}

/*
 * INIT and SIPI. The root's processors are started by hypercall only; its
 * INIT and SIPI have nobody to start.
 */
static void start_up(const struct ipi *ipi, const struct vp *to)
{
	log_limited(LOG_WARN, "vlapic: p%lu.v%u %s ignored to=%u", to->partition->id,
		ipi->from->index, ipi->mode == APIC_DM_INIT ? "INIT" : "SIPI", to->index);
}

static void deliver(const struct ipi *ipi, struct vp *to)
{
	switch (ipi->mode) {
	case APIC_DM_FIXED:
	case APIC_DM_LOWEST:
		vlapic_interrupt(to, ipi->vector, false);
		return;
	case APIC_DM_NMI:
		if (vlapic_is_on(&to->vlapic))
			vp_notify(to, VP_WORK_NMI);
		return;
	case APIC_DM_INIT:
	case APIC_DM_STARTUP:
		start_up(ipi, to);
		return;
	default:
		log_limited(LOG_WARN, "vlapic: p%lu.v%u delivery mode %u ignored",
			to->partition->id, ipi->from->index, ipi->mode);
	}
}

/*
 * Nearly all commands name one processor by its id, which nearly always is
 * its index too.
 */
static struct vp *unicast_target(const struct ipi *ipi)
{
	const struct partition *p = ipi->from->partition;
	struct vp *to;

	if (ipi->shorthand == APIC_SHORTHAND_SELF)
		return ipi->from;
	if (ipi->shorthand || ipi->logical || ipi->broadcast || ipi->dest >= HV_MAX_PROCESSORS)
		return NULL;
	to = partition_vp(p, ipi->dest);
	return to && to->vlapic.id == ipi->dest ? to : NULL;
}

/* One of those meant that take interrupts; which one, the vector decides. */
static void send_lowest(const struct ipi *ipi)
{
	const struct partition *p = ipi->from->partition;
	struct vp *meant[HV_MAX_PROCESSORS];
	u32 count = 0;

	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = partition_vp(p, i);

		if (vp && is_meant(ipi, vp) && vlapic_is_enabled(&vp->vlapic))
			meant[count++] = vp;
	}
	if (count)
		deliver(ipi, meant[ipi->vector % count]);
}

static void send(const struct ipi *ipi)
{
	const struct partition *p = ipi->from->partition;
	struct vp *to = unicast_target(ipi);

	if (to) {
		deliver(ipi, to);
		return;
	}
	if (ipi->mode == APIC_DM_LOWEST) {
		send_lowest(ipi);
		return;
	}
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = partition_vp(p, i);

		if (vp && is_meant(ipi, vp))
			deliver(ipi, vp);
	}
}

static struct ipi decode(struct vp *vp, u64 icr)
{
	bool x2apic = vlapic_is_x2apic(&vp->vlapic);
	u32 dest = (u32)(icr >> (x2apic ? 32 : 56));

	return (struct ipi){
		.from = vp,
		.dest = dest,
		.vector = (u8)icr,
		.mode = (icr >> 8) & 7,
		.shorthand = APIC_ICR_SHORTHAND(icr),
		.logical = icr & APIC_ICR_LOGICAL,
		.broadcast = dest == (x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST),
	};
}

/* The de-assertion of INIT does nothing on any processor of our time. */
static bool is_deassert(u64 icr)
{
	return (icr & (APIC_ICR_LEVEL | APIC_ICR_ASSERT)) == APIC_ICR_LEVEL &&
	       (icr >> 8 & 7) == APIC_DM_INIT;
}

bool vlapic_icr_write(struct vp *vp, u64 icr)
{
	struct vlapic *l = &vp->vlapic;
	struct ipi ipi = decode(vp, icr);

	if (vlapic_is_x2apic(l) && icr & ICR_RESERVED)
		return false;
	if (!vlapic_is_on(l))
		return true;
	l->icr = icr & (vlapic_is_x2apic(l) ? ICR_STORED_X2APIC : ICR_STORED_XAPIC);
	trace(TRACE_IPI, vp, ipi.dest, (u32)icr);
	if (is_deassert(icr))
		return true;
	if (ipi.mode <= APIC_DM_LOWEST && ipi.vector < VECTOR_MIN)
		vlapic_error(vp, APIC_ESR_SEND_ILLEGAL);
	else
		send(&ipi);
	return true;
}
