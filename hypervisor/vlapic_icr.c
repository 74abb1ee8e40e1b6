/* SPDX-License-Identifier: MIT */
/*
 * Interrupt commands of the virtual APIC, and messages of a parent to its
 * child's: who is meant, and what each of them gets. Runs on the sender's
 * processor; of the receivers' APICs it only reads mode, logical id and LVT,
 * which are single words that may just be changing, as on a real bus.
 * Intel SDM volume 3, 11.6 and 11.12.
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

/* A command, decoded, or a message. */
struct ipi {
	const struct partition *to;
	struct vp *from; /* NULL: the parent */
	struct vlapic_message m;
	u8 shorthand;
	bool broadcast;
};

static bool logical_match_xapic(const struct vlapic *l, u32 dest)
{
	u32 id = load_relaxed(&l->ldr) >> 24;

	if (dest >> 8)
		return false;
	if (load_relaxed(&l->dfr) >> 28 == DFR_FLAT)
		return id & dest;
	return dest >> 4 == id >> 4 && (id & dest & 0xf);
}

static bool logical_match_x2apic(const struct vlapic *l, u32 dest)
{
	u32 id = load_relaxed(&l->ldr);

	return dest >> 16 == id >> 16 && (id & dest & 0xffff);
}

/* Of a parent it is the receiver's mode that says how wide an id is. */
static bool is_broadcast(const struct ipi *ipi, const struct vlapic *l)
{
	if (ipi->from)
		return ipi->broadcast;
	return ipi->m.dest == X2APIC_BROADCAST ||
	       (ipi->m.dest == XAPIC_BROADCAST && !vlapic_is_x2apic(l));
}

static bool is_meant(const struct ipi *ipi, const struct vp *to)
{
	const struct vlapic *l = &to->vlapic;

	if (ipi->shorthand == APIC_SHORTHAND_SELF)
		return to == ipi->from;
	if (ipi->shorthand == APIC_SHORTHAND_OTHERS)
		return to != ipi->from;
	if (ipi->shorthand == APIC_SHORTHAND_ALL || is_broadcast(ipi, l))
		return true;
	if (!ipi->m.logical)
		return ipi->m.dest == l->id;
	return vlapic_is_x2apic(l) ? logical_match_x2apic(l, ipi->m.dest)
				   : logical_match_xapic(l, ipi->m.dest);
}

static void ignore(const struct ipi *ipi, const struct vp *to)
{
	log_limited(LOG_WARN, "vlapic: p%lu.v%u delivery mode %u ignored", to->partition->id,
		to->index, ipi->m.mode);
}

/* The root has no firmware that its first VP could start again in. */
static void init(const struct ipi *ipi, struct vp *to)
{
	if (partition_is_root(to->partition) && to->index == 0)
		ignore(ipi, to);
	else
		vp_init(to);
}

void vlapic_extint(struct vp *vp, u8 vector)
{
	/* Partner: the exchange in vlapic_extint_take(). */
	(void)atomic_exchange(&vp->vlapic.extint, (u32)VLAPIC_EXTINT | vector);
	vp_notify(vp, VP_WORK_INTERRUPT);
}

void vlapic_extint_clear(struct vlapic *l)
{
	(void)atomic_exchange(&l->extint, 0);
}

bool vlapic_extint_take(struct vlapic *l, u8 *vector)
{
	u32 v = atomic_exchange(&l->extint, 0);

	*vector = (u8)v;
	return v & VLAPIC_EXTINT;
}

static void deliver_fixed(const struct ipi *ipi, struct vp *to)
{
	if (ipi->m.level)
		vlapic_level(to, ipi->m.vector);
	else
		vlapic_interrupt(to, ipi->m.vector, false);
}

static void deliver(const struct ipi *ipi, struct vp *to);

/*
 * A pin, which leads where its LVT says. Without an APIC LINT0 and LINT1 are
 * the processor's INTR and NMI: SDM 11.4.3.
 */
static void deliver_pin(const struct ipi *ipi, struct vp *to, u32 lint)
{
	u32 off = lint == LVT_LINT0 ? APIC_DM_EXTINT : APIC_DM_NMI;
	u32 lvt = load_relaxed(&to->vlapic.lvt[lint]);
	struct ipi inner = *ipi;

	if (!vlapic_is_on(&to->vlapic)) {
		if (off == APIC_DM_NMI)
			vp_notify(to, VP_WORK_NMI);
		else
			vlapic_extint(to, ipi->m.vector);
		return;
	}
	if (lvt & APIC_LVT_MASKED)
		return;
	inner.m.mode = lvt >> 8 & 7;
	inner.m.level = false;
	if (inner.m.mode != APIC_DM_EXTINT)
		inner.m.vector = (u8)lvt;
	deliver(&inner, to);
}

static void deliver(const struct ipi *ipi, struct vp *to)
{
	bool on = vlapic_is_on(&to->vlapic);

	switch (ipi->m.mode) {
	case APIC_DM_FIXED:
	case APIC_DM_LOWEST:
		deliver_fixed(ipi, to);
		return;
	case APIC_DM_NMI:
		if (on)
			vp_notify(to, VP_WORK_NMI);
		return;
	case APIC_DM_INIT:
		if (on)
			init(ipi, to);
		return;
	case APIC_DM_STARTUP:
		if (on)
			vp_sipi(to, ipi->m.vector);
		return;
	case VLAPIC_DM_LINT0:
		deliver_pin(ipi, to, LVT_LINT0);
		return;
	case VLAPIC_DM_LINT1:
		deliver_pin(ipi, to, LVT_LINT1);
		return;
	default:
		/* No VP is the source of another's ExtINT. */
		if (ipi->m.mode == APIC_DM_EXTINT && !ipi->from)
			vlapic_extint(to, ipi->m.vector);
		else
			ignore(ipi, to);
	}
}

/*
 * Nearly all commands name one processor by its id, which nearly always is
 * its index too.
 */
static struct vp *unicast_target(const struct ipi *ipi)
{
	struct vp *to;

	if (ipi->shorthand == APIC_SHORTHAND_SELF)
		return ipi->from;
	if (ipi->shorthand || ipi->m.logical || ipi->broadcast || ipi->m.dest >= HV_MAX_PROCESSORS)
		return NULL;
	to = partition_vp(ipi->to, ipi->m.dest);
	return to && to->vlapic.id == ipi->m.dest ? to : NULL;
}

/*
 * One of those meant that take interrupts; which one, the vector decides. A
 * level that none takes is owed its end by the first of them.
 */
static void send_lowest(const struct ipi *ipi)
{
	struct vp *meant[HV_MAX_PROCESSORS], *first = NULL;
	u32 count = 0;

	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = partition_vp(ipi->to, i);

		if (!vp || !is_meant(ipi, vp))
			continue;
		first = first ? first : vp;
		if (vlapic_is_enabled(&vp->vlapic))
			meant[count++] = vp;
	}
	if (count)
		deliver(ipi, meant[ipi->m.vector % count]);
	else if (first && ipi->m.level)
		deliver(ipi, first);
}

static void send(const struct ipi *ipi)
{
	struct vp *to = unicast_target(ipi);

	if (to) {
		deliver(ipi, to);
		return;
	}
	if (ipi->m.mode == APIC_DM_LOWEST) {
		send_lowest(ipi);
		return;
	}
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = partition_vp(ipi->to, i);

		if (vp && is_meant(ipi, vp))
			deliver(ipi, vp);
	}
}

static struct ipi decode(struct vp *vp, u64 icr)
{
	bool x2apic = vlapic_is_x2apic(&vp->vlapic);
	u32 dest = (u32)(icr >> (x2apic ? 32 : 56));

	return (struct ipi){
		.to = vp->partition,
		.from = vp,
		.m = { .dest = dest,
			.vector = (u8)icr,
			.mode = (icr >> 8) & 7,
			.logical = icr & APIC_ICR_LOGICAL },
		.shorthand = APIC_ICR_SHORTHAND(icr),
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
	trace(TRACE_IPI, vp, ipi.m.dest, (u32)icr);
	if (is_deassert(icr))
		return true;
	if (ipi.m.mode <= APIC_DM_LOWEST && ipi.m.vector < APIC_VECTOR_MIN)
		vlapic_error(vp, APIC_ESR_SEND_ILLEGAL);
	else
		send(&ipi);
	return true;
}

void vlapic_send(const struct partition *p, const struct vlapic_message *m)
{
	struct ipi ipi = { .to = p, .m = *m };

	send(&ipi);
}
