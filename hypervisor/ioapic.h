/* SPDX-License-Identifier: MIT */
/*
 * The IOAPICs: pins, their redirection entries, and which level pins wait for
 * a virtual EOI. irq.c alone calls it. One spin lock per IOAPIC, for its two
 * registers and the state of its pins, held for a few register accesses.
 * 82093AA data sheet; Intel SDM volume 3, 11.8.
 */
#pragma once

#include "base/types.h"

struct platform;
struct vp;

#define IOAPIC_NONE (-1)

/* Maps all, masks every pin. Once, boot processor. */
void ioapic_init(const struct platform *platform);
/* Index of the IOAPIC with @id, or IOAPIC_NONE. */
int ioapic_find(u32 id);
u32 ioapic_pin_count(u32 index);
bool ioapic_pin_used(u32 index, u32 pin);

/*
 * Opens a free pin: @rte is its redirection entry, unmasked, @vp and @vector
 * whom its virtual EOI comes from. The map lock of irq.c is held.
 */
void ioapic_route(u32 index, u32 pin, u64 rte, struct vp *vp, u8 vector);
/* Masks the pin and forgets its route; the map lock is held. */
void ioapic_release(u32 index, u32 pin);

/* A level interrupt came: masks the pin until ioapic_virtual_eoi(). */
void ioapic_wait(u32 index, u32 pin);
/* Unmasks what waits for @vector of @vp. */
void ioapic_virtual_eoi(struct vp *vp, u8 vector);
