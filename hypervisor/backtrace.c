/* SPDX-License-Identifier: MIT */
/*
 * Walking stacks. Both images are linked at the same address, so a name is
 * looked up in one table at a time.
 */
#include "hypervisor/backtrace.h"

#include "hypervisor/guest.h"
#include "hypervisor/layout.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"
#include "lib/elf.h"
#include "lib/format.h"
#include "lib/string.h"

#define MAX_DEPTH 24u

extern char image_start[], text_end[], rodata_end[], image_end[];

static struct elf_symtab own, root;
static const struct elf_symtab *current = &own;

void backtrace_keep_symbols(const struct elf_symtab *hypervisor)
{
	u64 pages = (hypervisor->symbols_size + hypervisor->strings_size + PAGE_MASK) >> PAGE_SHIFT;
	u8 *copy = pages && pages < 256 ? pool_alloc(pages) : NULL;

	if (!copy)
		return;
	memcpy(copy, hypervisor->symbols, hypervisor->symbols_size);
	memcpy(copy + hypervisor->symbols_size, hypervisor->strings, hypervisor->strings_size);
	own.symbols = copy;
	own.symbols_size = hypervisor->symbols_size;
	own.strings = (const char *)copy + hypervisor->symbols_size;
	own.strings_size = hypervisor->strings_size;
}

void backtrace_root_symbols(const struct elf_symtab *tab)
{
	root = *tab;
}

void backtrace_use_root(bool use)
{
	current = use ? &root : &own;
}

void backtrace_name(char *text, size_t size, u64 address, bool returned)
{
	u64 offset;
	const char *name = elf_symbol_at(current, address - returned, &offset);

	if (name)
		format(text, size, "%.48s+0x%lx", name, offset + returned);
	else
		format(text, size, "?");
}

static bool is_in_stacks(u64 address)
{
	return address >= HV_STACK_BASE &&
	       address < HV_STACK_BASE + HV_MAX_CPUS * HV_STACKS_PER_CPU * HV_STACK_STRIDE;
}

bool backtrace_is_guard(u64 address)
{
	return is_in_stacks(address) && address % HV_STACK_STRIDE < HV_STACK_STRIDE - HV_STACK_SIZE;
}

/* A frame that lies whole in one of our stacks: those mapped, or the first in the image. */
static bool on_a_stack(u64 fp)
{
	if (!IS_ALIGNED(fp, 8))
		return false;
	if (fp >= (u64)rodata_end && fp <= (u64)image_end - 16)
		return true;
	/* The end of one stack is the guard of the next. */
	return is_in_stacks(fp) && !backtrace_is_guard(fp) &&
	       fp % HV_STACK_STRIDE <= HV_STACK_STRIDE - 16;
}

static bool is_text(u64 address)
{
	return address >= (u64)image_start && address < (u64)text_end;
}

void backtrace_own(u64 fp, void (*say)(u64 address))
{
	for (u32 i = 0; i < MAX_DEPTH && on_a_stack(fp); i++) {
		const u64 *frame = (const u64 *)fp;

		if (!is_text(frame[1]))
			break;
		say(frame[1]);
		if (frame[0] <= fp)
			break;
		fp = frame[0];
	}
}

/* Reads the two words of the guest's stack frame at @fp. */
static bool read_frame(struct vp *vp, const struct vp_mode *mode, u64 fp, u64 *frame)
{
	struct guest_fault fault;
	gpa_t gpa;

	if (!IS_ALIGNED(fp, 16) || !guest_translate(vp, mode, GVA(fp), ACCESS_READ, &gpa, &fault))
		return false;
	return guest_read(vp, gpa, frame, 2 * sizeof(u64));
}

void backtrace_guest(struct vp *vp, void (*say)(u64 address))
{
	struct vp_mode mode;
	u64 fp = vp->regs.gpr[GPR_RBP];
	u64 frame[2];

	virt->mode(vp, &mode);
	for (u32 i = 0; i < MAX_DEPTH && read_frame(vp, &mode, fp, frame); i++) {
		if (frame[1])
			say(frame[1]);
		if (!frame[1] || frame[0] <= fp)
			break;
		fp = frame[0];
	}
}
