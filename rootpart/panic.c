/* SPDX-License-Identifier: MIT */
/*
 * The end of the root kernel. The first VP that gets here stops the others by
 * NMI, writes what happened, registers and a backtrace with the names from
 * the pristine image that the hypervisor keeps, and halts with interrupts
 * off. A second fault while dying halts at once.
 */
#include "rootpart/panic.h"

#include <stdarg.h>

#include "base/assert.h"
#include "lib/elf.h"
#include "lib/format.h"
#include "rootpart/apic.h"
#include "rootpart/boot_modules.h"
#include "rootpart/console.h"
#include "rootpart/cpu.h"
#include "rootpart/image.h"
#include "rootpart/layout.h"
#include "rootpart/task.h"
#include "rootpart/trap.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"

#define BACKTRACE_MAX 24

/* The stack protector's; also named by the compiler. */
extern u64 __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

u64 __stack_chk_guard;

static u32 panicked;

bool panic_active(void)
{
	return load_acquire(&panicked) != 0;
}

static _Noreturn void halt_for_ever(void)
{
	irq_disable();
	for (;;)
		cpu_halt();
}

/* Only the first caller comes back from here. */
static void panic_begin(void)
{
	irq_disable();
	if (atomic_exchange(&panicked, 1u) != 0)
		halt_for_ever();
	console_panic_mode();
	if (cpu_count > 1)
		apic_send_nmi_others();
}

static bool symbols_find(struct elf_symtab *tab)
{
	const struct bootinfo *info = boot_info();
	const void *image = boot_root_image();

	return image != NULL && elf_symtab_find(image, info->root_image_size, tab) == 0;
}

static void print_address(const struct elf_symtab *tab, u64 address)
{
	u64 offset = 0;
	const char *name = tab != NULL ? elf_symbol_at(tab, address, &offset) : NULL;

	if (name != NULL)
		console_printf("  %016lx %s+0x%lx\n", address, name, offset);
	else
		console_printf("  %016lx\n", address);
}

/* Above the guard of some slot; two words fit. */
static bool in_stack(u64 address)
{
	u64 end = ROOT_STACK_BASE + ROOT_STACK_SLOTS * ROOT_STACK_STRIDE;
	u64 offset = address % ROOT_STACK_STRIDE;

	return address >= ROOT_STACK_BASE && address < end &&
	       offset >= ROOT_STACK_STRIDE - ROOT_STACK_SIZE && offset <= ROOT_STACK_STRIDE - 16;
}

/* Frame pointers are followed on a task's stack or in the image only. */
static bool stack_readable(u64 address)
{
	u64 guard = (u64)boot_stack_guard;

	if (address % 8 != 0)
		return false;
	if (address >= (u64)image_rodata_end && address < (u64)image_end - 16)
		return address < guard || address >= guard + PAGE_SIZE;
	return in_stack(address);
}

static void backtrace(u64 rip, u64 frame)
{
	struct elf_symtab tab;
	const struct elf_symtab *names = symbols_find(&tab) ? &tab : NULL;

	console_printf("backtrace:\n");
	if (rip != 0)
		print_address(names, rip);
	for (u32 i = 0; i < BACKTRACE_MAX && stack_readable(frame); i++) {
		const u64 *words = (const u64 *)frame;

		if (words[1] == 0)
			break;
		print_address(names, words[1]);
		if (words[0] <= frame)
			break;
		frame = words[0];
	}
}

static void print_registers(const struct trap_frame *f)
{
	console_printf("rip %016lx rsp %016lx rflags %08lx error %lx\n", f->rip, f->rsp, f->rflags,
		f->error);
	console_printf("rax %016lx rbx %016lx rcx %016lx\n", f->rax, f->rbx, f->rcx);
	console_printf("rdx %016lx rsi %016lx rdi %016lx\n", f->rdx, f->rsi, f->rdi);
	console_printf("rbp %016lx r8  %016lx r9  %016lx\n", f->rbp, f->r8, f->r9);
	console_printf("r10 %016lx r11 %016lx r12 %016lx\n", f->r10, f->r11, f->r12);
	console_printf("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
	console_printf("cr0 %08lx cr2 %016lx cr3 %08lx cr4 %08lx\n", cr0_read(), cr2_read(),
		cr3_read(), cr4_read());
}

/* Who it was: VP and task. */
static void print_head(void)
{
	const struct cpu *cpu = this_cpu();

	console_printf("\npanic: v%u: task %s: ", cpu->vp,
		cpu->current != NULL ? cpu->current->name : "boot");
}

static bool in_stack_guard(u64 address)
{
	return address >= ROOT_STACK_BASE &&
	       address < ROOT_STACK_BASE + ROOT_STACK_SLOTS * ROOT_STACK_STRIDE &&
	       !in_stack(address);
}

void panic_trap(const struct trap_frame *frame)
{
	panic_begin();
	print_head();
	console_printf(
		"%s%s", trap_name(frame->vector), trap_from_ring3(frame) ? " in ring 3" : "");
	if (frame->vector == VEC_PF)
		console_printf(" at %016lx", cr2_read());
	if (frame->vector == VEC_DF && in_stack_guard(cr2_read()))
		console_printf(", stack overflow");
	console_printf("\n");
	print_registers(frame);
	if (!trap_from_ring3(frame))
		backtrace(frame->rip, frame->rbp);
	halt_for_ever();
}

void panic(const char *fmt, ...)
{
	va_list args;

	panic_begin();
	print_head();
	va_start(args, fmt);
	console_vprintf(fmt, args);
	va_end(args);
	console_printf("\n");
	backtrace(0, frame_pointer());
	halt_for_ever();
}

void panic_start(const char *fmt, ...)
{
	va_list args;

	panic_begin();
	console_printf("error: ");
	va_start(args, fmt);
	console_vprintf(fmt, args);
	va_end(args);
	console_printf("\n");
	halt_for_ever();
}

void assert_failed(const char *expr, const char *file, int line)
{
	panic("assertion failed: %s at %s:%d", expr, file, line);
}

void __stack_chk_fail(void)
{
	panic("stack overflow found by the stack protector");
}
