/* SPDX-License-Identifier: MIT */
/*
 * FPU, SSE and AVX state of VPs, with XCR0. The hypervisor uses none of it
 * itself, so a VP's state stays in the registers over exits, and is exchanged
 * only when another VP comes to the processor.
 */
#pragma once

#include "base/types.h"
#include "hv/status.h"

struct cpu;
struct vp;

/* Bytes that a VP's area needs on @cpu; 64-byte aligned. */
size_t fpu_size(const struct cpu *cpu);
/* Fills a zeroed area with the state after reset, and sets vp->xcr0. */
void fpu_init(struct vp *vp);
/* Puts what is in the registers of the calling processor @cpu back to its owner. */
void fpu_unload(struct cpu *cpu);
/*
 * fpu_state.c: all of @vp's, at rest, as struct hv_xsave_header says (hv/vp_state.h), in
 * and from a page that is zeroed before. @states: components that have a place
 * there. INVALID_PARAMETER: some that the VP cannot have, or x87 or SSE are
 * missing; to set: a block that is not of this form or that no processor loads,
 * and nothing has changed.
 */
enum hv_status fpu_state_get(const struct vp *vp, u64 states, void *page);
enum hv_status fpu_state_set(struct vp *vp, u64 states, const void *page);
/* Makes @vp's state the one in the registers of the calling processor @cpu. */
void fpu_switch(struct cpu *cpu, struct vp *vp);
