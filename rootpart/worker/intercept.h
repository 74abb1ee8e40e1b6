/* SPDX-License-Identifier: MIT */
/*
 * What stops a VP, and what is done about it. The message is the hypervisor's
 * and true; what it tells of the guest (addresses, registers, instruction
 * bytes) is hostile. TLFS 6.0b chapter 8; include/hv/message.h.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"
#include "lib/insn.h"
#include "rootpart/worker/vp.h"

/* Deals with the intercept that VP @index is stopped by, and lets it go on. */
void intercept_handle(u32 index);

/* One kind each, @payload being of that kind. */
void intercept_io(struct vp *vp, const void *payload);
void intercept_memory(struct vp *vp, const void *payload);

/*
 * Carries out INS, OUTS, MOVS, STOS or LODS, so many rounds of a repeated one
 * as one intercept may cost; the guest comes back for the rest. Ports are @port.
 * -EINVAL: none of these instructions.
 */
[[nodiscard]] int string_run(struct vp *vp, const struct insn *insn, u16 port);

/* An instruction that we do not emulate: #GP, and a line in the log. */
void intercept_refuse(struct vp *vp, const char *what, const u8 *bytes);
