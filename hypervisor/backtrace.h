/* SPDX-License-Identifier: MIT */
/*
 * Backtraces by frame pointers, of the hypervisor and of the root, with names
 * from the symbol tables of both images. For the dying: every address is
 * checked before it is read.
 */
#pragma once

#include "base/types.h"

struct elf_symtab;
struct vp;

/* Copies the hypervisor's symbols, which GRUB left in memory, to the pool. */
void backtrace_keep_symbols(const struct elf_symtab *hypervisor);
/* The root's, in its pristine image, which stays where it is. */
void backtrace_root_symbols(const struct elf_symtab *root);

/* Whose names backtrace_name() gives; the hypervisor's at first. */
void backtrace_use_root(bool root);
/*
 * "function+0x12", or "?", to @text. A return address (@returned) names the
 * function of the call before it: behind a call of what never returns there
 * may begin another function.
 */
void backtrace_name(char *text, size_t size, u64 address, bool returned);
/* True if @address lies in the guard page below one of the hypervisor's stacks. */
bool backtrace_is_guard(u64 address);

/* Calls @say with each return address from frame pointer @fp on. */
void backtrace_own(u64 fp, void (*say)(u64 address));
/* The same for the guest's stack, from its RBP. */
void backtrace_guest(struct vp *vp, void (*say)(u64 address));
