/* SPDX-License-Identifier: MIT */
/*
 * Set-up, output and faults of the guest test kernels.
 */
#include "tests/guest/lib/guest.h"

#include "base/assert.h"
#include "hv/msr.h"
#include "lib/format.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/io.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define COM1       0x3f8u
#define INTEL_EBX  0x756e6547u /* "Genu" of CPUID leaf 0 */
#define PAGE_COUNT 160u        /* two for the stack of each VP, and some */

extern const u8 guest_stubs[256][16];
extern u64 gdt[8];
u32 guest_call_recover(void (*fn)(void *), void *arg, u64 *saved_sp);
_Noreturn void guest_recover(u64 saved_sp, u32 value);
_Noreturn void guest_start(const struct pvh_start_info *info, u64 load);
void guest_trap(struct guest_frame *frame);

const struct pvh_start_info *guest_start_info;
const struct bootinfo *guest_bootinfo;
u64 guest_load;
struct guest_frame *guest_frame;

static struct idt_gate idt[256];
static struct tss tss;
static u8 pages[PAGE_COUNT][4096] __attribute__((section(".bss.page"))) __aligned(4096);
static u32 pages_used;
static void (*handlers[256])(u8 vector);
static struct guest_fault *catching;
static u64 catch_sp;

void guest_print(const char *fmt, ...)
{
	char line[256];
	va_list args;

	va_start(args, fmt);
	format_va(line, sizeof(line), fmt, args);
	va_end(args);
	for (const char *p = line; *p; p++) {
		while (!(in8(COM1 + 5) & 0x20))
			;
		out8(COM1, (u8)*p);
	}
}

void guest_pass(const char *name)
{
	guest_print("PASS %s\r\n", name);
}

void guest_fail(const char *name, const char *fmt, ...)
{
	char why[160];
	va_list args;

	va_start(args, fmt);
	format_va(why, sizeof(why), fmt, args);
	va_end(args);
	guest_print("FAIL %s %s\r\n", name, why);
}

void guest_bench(const char *name, u64 value)
{
	guest_print("BENCH %s%s %lu\r\n", guest_is_child() ? "child-" : "", name, value);
}

_Noreturn void guest_done(void)
{
	guest_print("DONE\r\n");
	/* What still stands in the UART would be lost with the machine. */
	while (!(in8(COM1 + 5) & 0x40))
		;
	/* QEMU's isa-debug-exit; Bochs's shutdown port. */
	out8(0xf4, 1);
	for (const char *p = "Shutdown"; *p; p++)
		out8(0x8900, (u8)*p);
	for (;;)
		cpu_halt();
}

_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
	guest_fail("assert", "%s (%s:%d)", expr, file, line);
	guest_done();
}

u64 __stack_chk_guard = 0x77c0ffee12345678;
_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
	guest_fail("stack", "overrun");
	guest_done();
}

/* Ends the guest_try() under way with what @f says. */
_Noreturn static void leave(const struct guest_frame *f)
{
	*catching = (struct guest_fault){ (u32)f->vector, f->error, f->rip, cr2_read() };
	catching = NULL;
	guest_recover(catch_sp, (u32)f->vector);
}

void guest_leave(u8 vector)
{
	(void)vector;
	assert(catching);
	leave(guest_frame);
}

void guest_trap(struct guest_frame *f)
{
	u8 vector = (u8)f->vector;

	if (handlers[vector]) {
		guest_frame = f;
		handlers[vector](vector);
		return;
	}
	if (vector < VEC_EXCEPTIONS && catching)
		leave(f);
	guest_fail("trap", "vector %u error %lx rip %016lx cr2 %lx", vector, f->error, f->rip,
		cr2_read());
	guest_done();
}

struct guest_fault guest_try(void (*fn)(void *arg), void *arg)
{
	struct guest_fault fault = { .vector = GUEST_NO_FAULT };

	catching = &fault;
	guest_call_recover(fn, arg, &catch_sp);
	catching = NULL;
	barrier();
	return fault;
}

void guest_on_interrupt(u8 vector, void (*handler)(u8 vector))
{
	handlers[vector] = handler;
}

void guest_on_exception(u8 vector, void (*handler)(u8 vector))
{
	handlers[vector] = handler;
}

void *guest_pages(u64 count)
{
	u8 *p = pages[pages_used];

	assert(pages_used + count <= PAGE_COUNT);
	pages_used += (u32)count;
	return (void *)guest_phys(p);
}

static void set_gates(void)
{
	for (u32 i = 0; i < 256; i++) {
		u64 entry = (u64)guest_stubs[i];

		idt[i] = (struct idt_gate){
			.offset_low = (u16)entry,
			.selector = SEL_CODE,
			.type = 0x8e,
			.offset_mid = (u16)(entry >> 16),
			.offset_high = (u32)(entry >> 32),
		};
	}
}

void guest_load_tables(void)
{
	struct desc_ptr g = { sizeof(gdt) - 1, (u64)gdt };
	struct desc_ptr i = { sizeof(idt) - 1, (u64)idt };

	gdt_load(&g);
	idt_load(&i);
	/* In the reset state the APIC takes no interrupts. */
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + APIC_SVR), APIC_SVR_ENABLE | 0xff);
}

static void set_tss(void)
{
	u64 base = (u64)&tss;

	gdt[5] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[6] = base >> 32;
	tss.iomap_base = sizeof(tss);
	tr_load(SEL_TSS);
}

static void find_bootinfo(const struct pvh_start_info *info)
{
	const struct pvh_module *m = (const struct pvh_module *)info->modules;

	/* A multiboot1 kernel has other information. */
	if (info->magic != PVH_START_MAGIC)
		return;
	for (u32 i = 0; i < info->module_count; i++)
		if (m[i].cmdline && strcmp((const char *)m[i].cmdline, BOOTINFO_MODULE_NAME) == 0)
			guest_bootinfo = (const struct bootinfo *)m[i].address;
}

_Noreturn void guest_start(const struct pvh_start_info *info, u64 load)
{
	guest_load = load;
	guest_start_info = info;
	set_gates();
	guest_load_tables();
	set_tss();
	find_bootinfo(info);
	guest_main();
	guest_done();
}

void guest_enter_user(u64 rip, u64 rsp);

static void enter_user(void *p)
{
	const u64 *at = p;

	guest_enter_user(at[0], at[1]);
}

struct guest_fault guest_user(u64 rip, u64 rsp)
{
	static u8 stack[4096] __aligned(16);
	u64 at[] = { rip, rsp };

	tss.rsp[0] = (u64)(stack + sizeof(stack));
	return guest_try(enter_user, at);
}

void guest_ist(u8 vector, u8 ist, u64 stack_top)
{
	if (ist)
		tss.ist[ist - 1] = stack_top;
	idt[vector].ist = ist;
}

bool guest_is_vmx(void)
{
	return cpuid(0, 0).ebx == INTEL_EBX;
}

bool guest_is_child(void)
{
	return !guest_bootinfo;
}

bool guest_is_qemu(void)
{
	return cpuid(0x80000002, 0).eax == 0x554d4551;
}

u64 guest_tsc_hz(void)
{
	return msr_read(HV_MSR_TSC_FREQUENCY);
}

void guest_delay_us(u64 us)
{
	u64 end = rdtsc() + us * guest_tsc_hz() / 1000000;

	while (rdtsc() < end)
		cpu_pause();
}
