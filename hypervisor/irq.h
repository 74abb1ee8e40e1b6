/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts: the IOAPICs, vectors, and the routes from a device's
 * pin or MSI to a VP's virtual vector. The hypervisor owns all of them; root
 * drivers ask by HvCallMapDeviceInterrupt. An edge is finished at the
 * physical APIC at once; a level is masked at its pin, finished, and unmasked
 * by the virtual EOI.
 */
#pragma once

#include "base/types.h"
#include "hv/devint.h"
#include "hv/status.h"

struct cpu;
struct partition;
struct platform;
struct vp;

#define IRQ_ROUTE_MSI 0xffu

/*
 * What a physical vector of one processor means. Written under the map lock
 * of irq.c, vp last with release; read by that processor without a lock.
 */
struct irq_route {
	struct vp *vp; /* NULL: free */
	u32 device;    /* low half of the device id */
	u8 vector;     /* virtual */
	u8 ioapic;     /* index, with pin; IRQ_ROUTE_MSI for MSIs */
	u8 pin;
	bool level;
};

/* 256 of them are the page that cpu->routes points to. */
static_assert(sizeof(struct irq_route) == 16);

/* Maps the IOAPICs, masks every pin and the 8259 pair. Once. */
void irq_init(const struct platform *platform);
/* Body of every physical interrupt from HV_VECTOR_DEVICE_FIRST on, interrupts off. */
void irq_dispatch(u8 vector);
/*
 * The VP ended interrupt @vector: unmasks the level pins routed to it. Called
 * for every EOI; costs a comparison while no pin waits.
 */
void irq_virtual_eoi(struct vp *vp, u8 vector);

/*
 * Routes one interrupt of a device to a VP, by its bound processor. @set is
 * the variable header of the call, @set_words its length in 8-byte words:
 * with HV_INTERRUPT_TARGET_PROCESSORS the bank mask and the banks of the set
 * whose format is in->target.vp_mask, else nothing.
 * INVALID_PARTITION_ID: not the caller's own.
 * INVALID_DEVICE_ID: neither PCI nor IOAPIC, reserved bits, no such IOAPIC.
 * INVALID_PARAMETER: flags, interrupt type, trigger mode (level for an MSI),
 *   vector below 0x10 or above 0xff, vector count other than 1, no such pin,
 *   malformed set, no VP or more than one in it.
 * INVALID_VP_INDEX: the VP does not exist.
 * OBJECT_IN_USE: the pin is mapped.
 * NO_RESOURCES: no vector left at that processor, or no MSI reaches its APIC id.
 * Nothing is changed on failure. The map lock is taken; not for exit paths
 * other than the hypercall's.
 */
enum hv_status irq_map(struct partition *p, const struct hv_map_device_interrupt_input *in,
	const u64 *set, u32 set_words, struct hv_interrupt_entry *out);
/*
 * Ends a route; the pin is masked. @in->entry is what irq_map() gave.
 * INVALID_PARTITION_ID, INVALID_DEVICE_ID as above; INVALID_PARAMETER: flags;
 * NOT_FOUND: no such route of that device to a VP of @p.
 */
enum hv_status irq_unmap(struct partition *p, const struct hv_unmap_device_interrupt_input *in);
