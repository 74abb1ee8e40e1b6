/* SPDX-License-Identifier: MIT */
/*
 * Registers of a VP under their TLFS names, as its parent reads and sets them:
 * const tables of name, reader, writer and check. A value that would by itself
 * make an entry fail, or fault in the hypervisor, is refused; values that
 * contradict each other show at the entry. TLFS 6.0b, 7.8 and 7.9.
 * On the parent's processor, under the child's manage lock, the VP at rest.
 */
#pragma once

#include "base/types.h"
#include "hv/registers.h"
#include "hv/status.h"

struct vp;

/* UNKNOWN_REGISTER_NAME. @v is filled whole. */
enum hv_status register_get(struct vp *vp, u32 name, union hv_register_value *v);
/*
 * @self is the caller's VP. UNKNOWN_REGISTER_NAME; ACCESS_DENIED: only to be
 * read; INVALID_REGISTER_VALUE, and nothing has changed.
 */
enum hv_status register_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);

/* Whether @name may be read, or written, of a VP that is not at rest. */
bool register_is_live(u32 name, bool write);
/* The synthetic MSR that @name stands for, by which a VP may ask for its own; 0: none. */
u32 register_msr(u32 name);
