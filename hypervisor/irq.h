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

struct irq_route {
	struct vp *vp; /* NULL: free */
	u64 device_id;
	u8 vector; /* virtual */
	u8 ioapic; /* index, with pin; 0xff for MSIs */
	u8 pin;
	bool level;
	bool masked; /* level: waits for the virtual EOI */
};

/* Maps the IOAPICs, masks every pin and the 8259 pair. Once. */
void irq_init(const struct platform *platform);
/* Body of every physical interrupt from HV_VECTOR_DEVICE_FIRST on, interrupts off. */
void irq_dispatch(u8 vector);
/* The VP ended level interrupt @vector: unmasks the pins routed to it. */
void irq_virtual_eoi(struct vp *vp, u8 vector);

/*
 * Routes one interrupt. Decoded input; the calls in TLFS terms:
 * INVALID_DEVICE_ID (type, IOAPIC id), INVALID_PARAMETER (pin, vector, mode),
 * INVALID_VP_INDEX, OBJECT_IN_USE (pin), NO_RESOURCES (vectors).
 */
enum hv_status irq_map(struct partition *p, const struct hv_map_device_interrupt_input *in,
	struct hv_interrupt_entry *out);
enum hv_status irq_unmap(struct partition *p, const struct hv_unmap_device_interrupt_input *in);
