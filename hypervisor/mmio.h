/* SPDX-License-Identifier: MIT */
/*
 * Emulation of a guest's accesses to the page of its local APIC. A register
 * is accessed by 4 bytes on a 16-byte boundary. Any other access is refused
 * as the SDM allows (volume 3, 11.4.1): it reads zeros, its write is dropped,
 * and a log line says so.
 */
#pragma once

#include "base/types.h"

struct exit;
struct vp;

/* Whether the access of EXIT_SLAT_FAULT @exit is to the APIC page of @vp. */
bool mmio_is_apic(const struct vp *vp, const struct exit *exit);
/* Emulates the instruction and moves RIP on, or injects a fault. */
void mmio_handle(struct vp *vp, const struct exit *exit);
