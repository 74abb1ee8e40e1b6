/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of devices: from a pin or an MSI to a handler on a VP. Routing
 * is the hypervisor's, asked for by HvCallMapDeviceInterrupt; this file
 * allocates the virtual vectors, applies the MADT's overrides of ISA lines,
 * and calls the handlers. Requests and releases are made by tasks.
 */
#pragma once

#include "base/types.h"

struct irq; /* one handler of one interrupt */

/*
 * Runs with interrupts off on the VP asked for: quiets its device, marks,
 * wakes. EOI comes after it. A level pin may be shared: then all its handlers
 * are called for each interrupt, on the VP that the first of them asked for.
 */
typedef void (*irq_handler)(void *ctx);

/* What the device's MSI registers get. */
struct msi_message {
	u32 address;
	u32 data;
};

/*
 * All requests: 0 with *@out set; -ENODEV no such pin or device; -EBUSY pin
 * used otherwise; -ENOSPC no vector left; -ENOMEM; -EINVAL @vp.
 */
[[nodiscard]] int irq_request_gsi(u32 gsi, bool level, bool active_low, u32 vp, irq_handler handler,
	void *ctx, struct irq **out);
/* ISA line 0 to 15: pin, trigger and polarity by the MADT, else edge, high. */
[[nodiscard]] int irq_request_isa(
	u32 line, u32 vp, irq_handler handler, void *ctx, struct irq **out);
/* @rid: bus << 8 | device << 3 | function. One vector per call. */
[[nodiscard]] int irq_request_msi(u16 segment, u16 rid, u32 vp, irq_handler handler, void *ctx,
	struct irq **out, struct msi_message *message);
/*
 * Takes the handler off; on return it runs nowhere and never again. The
 * device must not raise it any more.
 */
void irq_release(struct irq *irq);

/* Body of every device interrupt, interrupts off. */
void irq_dispatch(u8 vector);
