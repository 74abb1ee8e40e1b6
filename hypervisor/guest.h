/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing a guest's memory by guest virtual or guest physical
 * address, for hypercalls and emulation. Everything read is hostile: callers
 * copy once, then check the copy.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hypervisor/virt.h"
#include "lib/insn.h"

struct cpu;
struct fetch_memo;
struct vp;

/* What a processor remembers of code, for cpu->memos; NULL: no memory. */
[[nodiscard]] struct fetch_memo *guest_memos_alloc(void);
/* All of it is forgotten: the windows of @cpu, this one, have changed. */
void guest_memos_forget(struct cpu *cpu);

/* A fault that an access gives; what the guest's handler would see. */
struct guest_fault {
	u8 vector; /* #PF or #GP */
	u32 error;
	u64 address;
};

/*
 * Walks the guest's own page tables for @gva (SDM volume 3, 4.5), 4 levels,
 * PAE, 32-bit or none, with access rights by @access (ACCESS_*) and the mode's
 * CPL, SMEP and SMAP, as with RFLAGS.AC off. Does not set accessed or dirty bits.
 * False with *fault filled.
 */
[[nodiscard]] bool guest_translate(struct vp *vp, const struct vp_mode *mode, gva_t gva, u32 access,
	gpa_t *gpa, struct guest_fault *fault);

/* Fetches up to INSN_MAX bytes at CS:RIP and decodes them. False: *fault. */
[[nodiscard]] bool guest_fetch(struct vp *vp, struct insn *insn, struct guest_fault *fault);

/* Length of the instruction at CS:RIP, by fetching and decoding it. False: *fault. */
[[nodiscard]] bool guest_length(struct vp *vp, u8 *length, struct guest_fault *fault);
/*
 * The same from the last decoding at that place, if the bytes, and all that
 * led to them, are still what they were then; else 0.
 */
u8 guest_length_known(struct vp *vp);

/*
 * The bytes at CS:RIP, at most 16, without what lies on a page that cannot be
 * read; gives how many there are. Injects nothing.
 */
u8 guest_code(struct vp *vp, u8 bytes[16]);

/* Copies within one page of GPA space. False: not RAM of the partition with that access. */
[[nodiscard]] bool guest_read(struct vp *vp, gpa_t gpa, void *buf, size_t len);
[[nodiscard]] bool guest_write(struct vp *vp, gpa_t gpa, const void *buf, size_t len);
