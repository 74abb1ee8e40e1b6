/* SPDX-License-Identifier: MIT */
/*
 * A VP on a made-up AMD-V processor: script[] plays the guest, an entry each.
 * For svm_run_test.c and svm_nmi_test.c, which link the back end without its
 * assembly.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/cpu.h"
#include "hypervisor/guest.h"
#include "hypervisor/partition.h"
#include "hypervisor/svm/svm.h"
#include "hypervisor/vp.h"

#define TF  (1ull << 8)
#define IF  (1ull << 9)
#define RIP 0x401000ull

#define s   (*svm_of(&vp))
static struct vmcb block;
static struct partition root;
static struct svm_cpu sc;
static struct cpu cpu;
static struct vp vp;
static struct exit exit_;

/* The script: one function per entry; it plays the guest. */
static void (*script[8])(struct vmcb *v);
static u32 entries, kicks, exception_updates;

const u8 svm_enter_end[1];

u64 fake_cr2;

void svm_enter(void *regs, u64 vmcb, u64 host)
{
	assert_ptr_equal(regs, &vp.regs);
	assert_int_equal(vmcb, 0x1000);
	assert_int_equal(host, 0x2000);
	assert_int_not_equal(s.vmcb->control.asid, 0);
	s.vmcb->control.exit_event = 0;
	s.vmcb->control.exit_info_1 = 0;
	s.vmcb->control.exit_info_2 = 0;
	s.vmcb->control.next_rip = 0;
	assert_non_null(script[entries]);
	script[entries++](s.vmcb);
}

void apic_send(u32 dest, u32 icr)
{
	assert_int_equal(dest, 5);
	assert_int_equal(icr, 0xf1);
	kicks++;
}

struct cpu *this_cpu(void)
{
	return &cpu;
}

void svm_exceptions_update(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	exception_updates++;
}

/* What the guest's RIP points to. */
static struct insn code;

bool guest_fetch(struct vp *v, struct insn *insn, struct guest_fault *fault)
{
	(void)v;
	(void)fault;
	*insn = code;
	return code.length != 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	memset(&block, 0, sizeof(block));
	memset(&root, 0, sizeof(root));
	memset(&sc, 0, sizeof(sc));
	memset(&vp, 0, sizeof(vp));
	memset(script, 0, sizeof(script));
	memset(&exit_, 0xee, sizeof(exit_));
	memset(&code, 0, sizeof(code));
	entries = kicks = exception_updates = 0;
	sc = (struct svm_cpu){
		.host_spa = 0x2000, .generation = 1, .asid_next = 4, .asid_count = 4
	};
	cpu.virt_host = &sc;
	cpu.apic_id = 5;
	s.vmcb = &block;
	s.vmcb_spa = 0x1000;
	s.vmcb->control.intercept_exception = s.exceptions = 1 << 18;
	vp.cpu = &cpu;
	vp.partition = &root;
	vp.regs.rip = RIP;
	vp.regs.rflags = 2;
	svm_load(&vp);
	return 0;
}

__attribute__((unused)) static void run(void)
{
	svm_run(&vp, &exit_);
}

__attribute__((unused)) static void exit_cpuid(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_CPUID;
}

__attribute__((unused)) static void exit_intr(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_INTR;
}

__attribute__((unused)) static bool iret_intercepted(void)
{
	return s.vmcb->control.intercept_1 & (1u << 20);
}

__attribute__((unused)) static u64 injected;

__attribute__((unused)) static void take_injection(struct vmcb *v)
{
	injected = v->control.inject;
	v->control.exit_code = VMEXIT_CPUID;
}

__attribute__((unused)) static void interrupt_it(struct vmcb *v)
{
	injected = v->control.inject;
	v->control.exit_code = VMEXIT_NPF;
	v->control.exit_event = injected;
}
