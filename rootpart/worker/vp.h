/* SPDX-License-Identifier: MIT */
/*
 * A VP of the child while it is stopped by an intercept: its registers by its
 * register page, its memory by its segments and page tables, and what an
 * emulated instruction leaves behind. A struct vp lives for one intercept.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"
#include "hv/vp.h"
#include "lib/insn.h"
#include "x86/desc.h"

struct vp {
	u32 index;
	struct hv_register_page *regs;
	const struct hv_intercept_header *why;
};

/* A fault that an access of the guest gives; what its handler would see. */
struct vp_fault {
	u8 vector; /* #PF, #GP, #SS or #UD */
	u32 error;
	u64 address; /* #PF */
};

enum insn_mode vp_mode(const struct vp *vp);

/* Call after a change of general registers, of RFLAGS. */
void vp_gprs_changed(struct vp *vp);
void vp_rflags_changed(struct vp *vp);
/* Moves RIP behind an instruction of @length bytes that was carried out. */
void vp_advance(struct vp *vp, u8 length);

/* An exception that the VP takes when it goes on. */
void vp_inject(struct vp *vp, u8 vector, bool has_error, u32 error);
/* INT3 or INTO, of @length bytes, at RIP. */
void vp_inject_software(struct vp *vp, u8 vector, u8 length);
void vp_inject_fault(struct vp *vp, const struct vp_fault *fault);

/*
 * Linear address of the @size bytes at @offset in a segment. False: *fault, by
 * the segment's limit and rights or a non-canonical address.
 */
[[nodiscard]] bool vp_linear(const struct vp *vp, enum insn_seg seg, u64 offset, u32 size,
	bool write, u64 *linear, struct vp_fault *fault);

/*
 * Decodes the instruction at CS:RIP, from the @count bytes that came with the
 * intercept if they suffice (@count may be 0), else from memory. 0; -EFAULT: *fault; -EINVAL: the
 * decoder does not know it.
 */
[[nodiscard]] int vp_decode(
	struct vp *vp, const u8 *bytes, u32 count, struct insn *insn, struct vp_fault *fault);

/* Where bytes at a linear address lie in GPA space: in one page or in two. */
#define VP_SPAN_MAX    8u    /* bytes */
#define VP_GPA_NOTHING ~0ull /* a page without memory */
struct vp_span {
	u32 parts;
	struct {
		u64 gpa;
		u32 len;
	} part[2];
};

/* Pages that were translated, for an instruction that touches many bytes. */
struct vp_pages {
	bool valid;
	u64 page;
	u64 gpa;
};

/*
 * Translates @len bytes, up to VP_SPAN_MAX, for @access (HV_TRANSLATE_READ,
 * WRITE or EXEC), as the guest's processor would. @pages, which may be NULL, is
 * of one kind of access. False: *fault.
 */
[[nodiscard]] bool vp_span(const struct vp *vp, u64 linear, u32 len, u64 access,
	struct vp_pages *pages, struct vp_span *span, struct vp_fault *fault);
void vp_span_read(const struct vp_span *span, void *to);
void vp_span_write(const struct vp_span *span, const void *from);
