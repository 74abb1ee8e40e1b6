/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts: dispatch by vector, vectors per processor, and the
 * hypercalls' work on routes. ioapic.c has the pins, apic.c the local APIC.
 * Dispatch runs on each processor in its own interrupts and takes no lock but
 * an IOAPIC's for level interrupts; mapping runs on any processor under
 * map_lock, which comes before an IOAPIC's lock.
 * Intel SDM volume 3, 11.5 and 11.11.
 */
#include "hypervisor/irq.h"

#include "hv/hypercall.h"
#include "hv/vpset.h"
#include "hypervisor/apic.h"
#include "hypervisor/cpu.h"
#include "hypervisor/ioapic.h"
#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "hypervisor/partition.h"
#include "hypervisor/platform.h"
#include "hypervisor/timer.h"
#include "hypervisor/trace.h"
#include "hypervisor/vlapic.h"
#include "hypervisor/vp.h"
#include "lib/bitmap.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/io.h"
#include "x86/spinlock.h"

#define PIC1         0x20u
#define PIC2         0xa0u
#define PIC_INIT     0x11u /* ICW1: cascaded, ICW4 follows */
#define PIC_8086     0x01u /* ICW4 */
#define VECTORS      256u
#define DEVICE_COUNT (HV_VECTOR_DEVICE_LAST - HV_VECTOR_DEVICE_FIRST + 1)
#define MSI_ADDRESS  0xfee00000u
#define MSI_DEST_MAX 0xfeu /* 0xff is everybody */

static_assert(VECTORS * sizeof(struct irq_route) == PAGE_SIZE);

/* Of routes being made and ended, and of next_vector. */
static struct spinlock map_lock;

/*
 * Where the search for a free vector goes on, per processor. Going round all
 * of them puts the most time between the end of a route and the vector's next
 * use, for an interrupt that was under way: it finds no route and is dropped.
 */
static u8 next_vector[HV_MAX_CPUS];

/* Behind exceptions' vectors for an interrupt that slips through, then masked. */
static void pic_disable(void)
{
	out8(PIC1, PIC_INIT);
	out8(PIC2, PIC_INIT);
	out8(PIC1 + 1, HV_VECTOR_DEVICE_FIRST);
	out8(PIC2 + 1, HV_VECTOR_DEVICE_FIRST + 8);
	out8(PIC1 + 1, 4); /* the second is at the first's input 2 */
	out8(PIC2 + 1, 2);
	out8(PIC1 + 1, PIC_8086);
	out8(PIC2 + 1, PIC_8086);
	out8(PIC1 + 1, 0xff);
	out8(PIC2 + 1, 0xff);
}

void irq_init(const struct platform *p)
{
	pic_disable();
	ioapic_init(p);
}

static void dispatch_device(u8 vector)
{
	const struct irq_route *route = &this_cpu()->routes[vector];
	/* Partner: route_publish(). */
	struct vp *vp = load_acquire(&route->vp);

	if (unlikely(!vp)) {
		apic_eoi();
		log_limited(LOG_WARN, "irq: no route cpu=%u vector=%#x", this_cpu()->index, vector);
		return;
	}
	if (route->level)
		ioapic_wait(route->ioapic, route->pin);
	apic_eoi();
	vlapic_interrupt(vp, route->vector, route->level);
}

void irq_dispatch(u8 vector)
{
	trace(TRACE_IRQ, NULL, vector, 0);
	if (vector <= HV_VECTOR_DEVICE_LAST) {
		dispatch_device(vector);
		return;
	}
	switch (vector) {
	case HV_VECTOR_TIMER:
		apic_eoi();
		timer_interrupt();
		return;
	case HV_VECTOR_KICK: /* leaving the guest was all it was for, or this */
		paging_catch_up(&this_cpu()->paging_seen);
		apic_eoi();
		return;
	case HV_VECTOR_ERROR:
		apic_eoi();
		log_limited(LOG_WARN, "irq: apic error cpu=%u esr=%#x", this_cpu()->index,
			apic_errors());
		return;
	case HV_VECTOR_SPURIOUS: /* has no EOI: SDM 11.9 */
		return;
	default:
		apic_eoi();
		log_limited(LOG_WARN, "irq: stray cpu=%u vector=%#x", this_cpu()->index, vector);
	}
}

void irq_virtual_eoi(struct vp *vp, u8 vector)
{
	ioapic_virtual_eoi(vp, vector);
}

/* A request to map, decoded. */
struct request {
	u32 device;
	u8 vector; /* virtual */
	bool level;
	bool low;
	u8 ioapic; /* index, or IRQ_ROUTE_MSI */
	u8 pin;
	struct vp *vp;
};

static bool is_self(const struct partition *p, u64 id)
{
	return id == HV_PARTITION_SELF || id == p->id;
}

/* PCI: 31:0 segment and function, above it the bridge's shadow range, 61:51 zero. */
static enum hv_status decode_device(u64 id, struct request *r)
{
	u64 body = id & ~(3ull << 62);
	int index;

	r->device = (u32)id;
	r->ioapic = IRQ_ROUTE_MSI;
	if (HV_DEVICE_ID_TYPE(id) == HV_DEVICE_TYPE_PCI)
		return body >> 51 ? HV_STATUS_INVALID_DEVICE_ID : HV_STATUS_SUCCESS;
	if (HV_DEVICE_ID_TYPE(id) != HV_DEVICE_TYPE_IOAPIC || body > 0xff)
		return HV_STATUS_INVALID_DEVICE_ID;
	index = ioapic_find((u32)body);
	if (index == IOAPIC_NONE)
		return HV_STATUS_INVALID_DEVICE_ID;
	r->ioapic = (u8)index;
	return HV_STATUS_SUCCESS;
}

/* Line of an IOAPIC or message of a device: trigger, pin and polarity. */
static enum hv_status decode_line(const struct hv_map_device_interrupt_input *in, struct request *r)
{
	u64 entry = in->logical_entry.ioapic_rte;

	if (in->trigger_mode > HV_INTERRUPT_TRIGGER_LEVEL)
		return HV_STATUS_INVALID_PARAMETER;
	r->level = in->trigger_mode == HV_INTERRUPT_TRIGGER_LEVEL;
	if (r->ioapic == IRQ_ROUTE_MSI)
		return r->level ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS;
	r->pin = HV_LOGICAL_ENTRY_PIN(entry);
	r->low = entry & HV_LOGICAL_ENTRY_LOW;
	if (r->pin >= ioapic_pin_count(r->ioapic))
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

/*
 * Exactly one bit in a set of @count words that are the valid banks of
 * @banks, ascending. False if it is malformed, empty or has more.
 */
static bool sole_member(u64 banks, const u64 *words, u32 count, u32 *vp)
{
	u32 members = 0;

	if (bitmap_weight(&banks, 64) != count)
		return false;
	for (u32 i = 0; i < count; i++, banks &= banks - 1) {
		members += bitmap_weight(&words[i], 64);
		if (words[i])
			*vp = (u32)__builtin_ctzll(banks) * 64 + (u32)__builtin_ctzll(words[i]);
	}
	return members == 1;
}

static enum hv_status decode_target(struct partition *p, const struct hv_interrupt_target *t,
	const u64 *set, u32 set_words, struct request *r)
{
	u32 index = 0;
	bool good;

	if (t->flags & ~(u32)(HV_INTERRUPT_TARGET_MULTICAST | HV_INTERRUPT_TARGET_PROCESSORS))
		return HV_STATUS_INVALID_PARAMETER;
	if (t->flags & HV_INTERRUPT_TARGET_PROCESSORS)
		good = t->vp_mask == HV_VPSET_SPARSE_4K && set_words >= 1 &&
		       sole_member(set[0], set + 1, set_words - 1, &index);
	else
		good = !set_words && sole_member(1, &t->vp_mask, 1, &index);
	if (!good)
		return HV_STATUS_INVALID_PARAMETER;
	if (index >= HV_MAX_PROCESSORS || !p->vps[index])
		return HV_STATUS_INVALID_VP_INDEX;
	r->vp = p->vps[index];
	return HV_STATUS_SUCCESS;
}

static enum hv_status decode(struct partition *p, const struct hv_map_device_interrupt_input *in,
	const u64 *set, u32 set_words, struct request *r)
{
	enum hv_status s;

	if (!is_self(p, in->partition_id))
		return HV_STATUS_INVALID_PARTITION_ID;
	s = decode_device(in->device_id, r);
	if (s != HV_STATUS_SUCCESS)
		return s;
	if (in->flags || in->base_irt_index || in->vector_count != 1 ||
		in->interrupt_type != HV_INTERRUPT_TYPE_FIXED ||
		in->target.vector < APIC_VECTOR_MIN || in->target.vector > 0xff)
		return HV_STATUS_INVALID_PARAMETER;
	r->vector = (u8)in->target.vector;
	s = decode_line(in, r);
	if (s != HV_STATUS_SUCCESS)
		return s;
	return decode_target(p, &in->target, set, set_words, r);
}

/* Physical vector for a new route at @cpu, 0 if there is none; map_lock held. */
static u8 vector_alloc(struct cpu *cpu)
{
	for (u32 i = 0; i < DEVICE_COUNT; i++) {
		u32 offset = (next_vector[cpu->index] + i) % DEVICE_COUNT;

		if (cpu->routes[HV_VECTOR_DEVICE_FIRST + offset].vp)
			continue;
		next_vector[cpu->index] = (u8)((offset + 1) % DEVICE_COUNT);
		return (u8)(HV_VECTOR_DEVICE_FIRST + offset);
	}
	return 0;
}

static void route_publish(struct irq_route *route, const struct request *r)
{
	route->device = r->device;
	route->vector = r->vector;
	route->ioapic = r->ioapic;
	route->pin = r->pin;
	route->level = r->level;
	/* Partner: the load in dispatch_device(). */
	store_release(&route->vp, r->vp);
}

static void device_program(
	const struct request *r, u8 vector, u32 dest, struct hv_interrupt_entry *out)
{
	*out = (struct hv_interrupt_entry){ .source = HV_INTERRUPT_SOURCE_MSI };
	if (r->ioapic == IRQ_ROUTE_MSI) {
		out->msi.address = MSI_ADDRESS | dest << 12;
		out->msi.data = vector;
		return;
	}
	out->source = HV_INTERRUPT_SOURCE_IOAPIC;
	out->ioapic_rte = (u64)dest << 56 | (r->level ? IOAPIC_RTE_LEVEL : 0) |
			  (r->low ? IOAPIC_RTE_LOW : 0) | vector;
	ioapic_route(r->ioapic, r->pin, out->ioapic_rte, r->vp, r->vector);
}

static enum hv_status map_locked(const struct request *r, struct hv_interrupt_entry *out)
{
	struct cpu *cpu = r->vp->cpu;
	u8 vector;

	if (r->ioapic != IRQ_ROUTE_MSI && ioapic_pin_used(r->ioapic, r->pin))
		return HV_STATUS_OBJECT_IN_USE;
	if (cpu->apic_id > MSI_DEST_MAX)
		return HV_STATUS_NO_RESOURCES;
	vector = vector_alloc(cpu);
	if (!vector)
		return HV_STATUS_NO_RESOURCES;
	/* The route first: the pin may fire as soon as it is open. */
	route_publish(&cpu->routes[vector], r);
	device_program(r, vector, cpu->apic_id, out);
	return HV_STATUS_SUCCESS;
}

enum hv_status irq_map(struct partition *p, const struct hv_map_device_interrupt_input *in,
	const u64 *set, u32 set_words, struct hv_interrupt_entry *out)
{
	struct request r = { 0 };
	enum hv_status s = decode(p, in, set, set_words, &r);

	if (s != HV_STATUS_SUCCESS)
		return s;
	spin_lock(&map_lock);
	s = map_locked(&r, out);
	spin_unlock(&map_lock);
	return s;
}

/* The route that an entry of ours stands for, or NULL; map_lock held. */
static struct irq_route *route_of_entry(const struct hv_interrupt_entry *e, bool msi)
{
	u32 dest = msi ? (e->msi.address >> 12) & 0xff : (u32)(e->ioapic_rte >> 56);
	u8 vector = msi ? (u8)e->msi.data : (u8)e->ioapic_rte;
	struct cpu *cpu = cpu_by_apic_id(dest);

	if (e->source != (msi ? HV_INTERRUPT_SOURCE_MSI : HV_INTERRUPT_SOURCE_IOAPIC))
		return NULL;
	return cpu ? &cpu->routes[vector] : NULL;
}

enum hv_status irq_unmap(struct partition *p, const struct hv_unmap_device_interrupt_input *in)
{
	enum hv_status s = HV_STATUS_NOT_FOUND;
	struct irq_route *route;
	struct request r = { 0 };

	if (!is_self(p, in->partition_id))
		return HV_STATUS_INVALID_PARTITION_ID;
	if (decode_device(in->device_id, &r) != HV_STATUS_SUCCESS)
		return HV_STATUS_INVALID_DEVICE_ID;
	if (in->flags)
		return HV_STATUS_INVALID_PARAMETER;
	spin_lock(&map_lock);
	route = route_of_entry(&in->entry, r.ioapic == IRQ_ROUTE_MSI);
	if (route && route->vp && route->vp->partition == p && route->device == r.device &&
		route->ioapic == r.ioapic) {
		/* Masked first, so that no interrupt follows the route's end. */
		if (route->ioapic != IRQ_ROUTE_MSI)
			ioapic_release(route->ioapic, route->pin);
		store_release(&route->vp, NULL);
		s = HV_STATUS_SUCCESS;
	}
	spin_unlock(&map_lock);
	return s;
}
