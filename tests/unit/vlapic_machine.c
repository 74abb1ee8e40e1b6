/* SPDX-License-Identifier: MIT */
/*
 * The made-up partition of vlapic_machine.h and what its APICs call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/apic.h"
#include "hypervisor/clock.h"
#include "hypervisor/intercept.h"
#include "hypervisor/irq.h"
#include "hypervisor/log.h"
#include "hypervisor/policy.h"
#include "hypervisor/trace.h"
#include "vlapic_machine.h"
#include "x86/apic.h"
#include "x86/msr.h"

u64 clock_tsc_hz = MACHINE_TSC_HZ;
struct vp vps[MACHINE_VPS];
struct partition partition;
u8 machine_cr8[MACHINE_VPS];
u64 machine_tsc_offset[MACHINE_VPS];
u32 machine_notified[MACHINE_VPS];
u32 machine_logs;
u64 machine_hardware;
u32 machine_offers;
u32 machine_eois[256];
u32 machine_synic_eois[256];
u32 machine_inits[MACHINE_VPS];
u32 machine_sipis[MACHINE_VPS];
u8 machine_sipi_vector;
struct hv_message machine_slot;
u32 machine_posts;
static struct synic_message *machine_waiting;
static struct vp receiver;
static struct cpu cpu;

struct cpu *this_cpu(void)
{
	return &cpu;
}

static u8 tpr(struct vp *vp)
{
	return machine_cr8[vp->index];
}

static void tpr_set(struct vp *vp, u8 cr8)
{
	assert_in_range(cr8, 0, 15);
	machine_cr8[vp->index] = cr8;
}

static void tsc_offset(struct vp *vp, u64 offset)
{
	machine_tsc_offset[vp->index] = offset;
}

static const struct virt_ops ops = {
	.name = "fake",
	.tpr = tpr,
	.tpr_set = tpr_set,
	.tsc_offset = tsc_offset,
};
const struct virt_ops *virt = &ops;

void vp_notify(struct vp *vp, u32 work)
{
	vp->work |= work;
	machine_notified[vp->index] += work & VP_WORK_INTERRUPT ? 1 : 0;
}

void synic_eoi(struct vp *vp, u8 vector)
{
	assert_true(vp->synic.waiting_sints != 0);
	machine_synic_eois[vector]++;
}

void vp_init(struct vp *vp)
{
	machine_inits[vp->index]++;
}

void vp_sipi(struct vp *vp, u8 vector)
{
	machine_sipis[vp->index]++;
	machine_sipi_vector = vector;
}

struct vp *intercept_receiver(const struct vp *vp)
{
	(void)vp;
	return &receiver;
}

bool synic_is_waiting(struct synic_message *m)
{
	return machine_waiting == m;
}

static void slot_fill(struct synic_message *m)
{
	if (machine_slot.header.type) {
		machine_waiting = m;
		return;
	}
	machine_slot = m->message;
	machine_waiting = m->refill(m) ? m : NULL;
}

/* Weak: a test may have a SynIC of its own. */
__attribute__((weak)) void synic_post(struct vp *vp, u32 sint, struct synic_message *m)
{
	assert_ptr_equal(vp, &receiver);
	assert_int_equal(sint, 0);
	assert_null(machine_waiting);
	machine_posts++;
	slot_fill(m);
}

bool machine_read(struct hv_apic_eoi *eoi)
{
	if (!machine_slot.header.type)
		return false;
	assert_int_equal(machine_slot.header.type, HV_MESSAGE_APIC_EOI);
	assert_int_equal(machine_slot.header.size, sizeof(*eoi));
	assert_int_equal(machine_slot.header.sender, partition.id);
	memcpy(eoi, machine_slot.payload, sizeof(*eoi));
	machine_slot.header.type = 0;
	if (machine_waiting)
		slot_fill(machine_waiting);
	return true;
}

/* What the guest set up; its meaning is the SynIC's own test's. */
bool synic_auto_eoi(const struct synic *s, u8 vector)
{
	for (u32 i = 0; i < HV_SINT_COUNT; i++)
		if (s->auto_eoi >> i & 1 && (s->sint[i] & 0xff) == vector)
			return true;
	return false;
}

/* Weak: a test may do something then. */
__attribute__((weak)) void irq_virtual_eoi(struct vp *vp, u8 vector)
{
	(void)vp;
	machine_eois[vector]++;
}

void apic_timer_set(u64 deadline)
{
	machine_hardware = deadline;
}

void policy_cpuid(struct vp *vp, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	(void)vp;
	assert_int_equal(leaf, 1);
	assert_int_equal(subleaf, 0);
	*r = (struct cpuid_regs){ .ecx = machine_offers };
}

u64 clock_tsc_to_ns(u64 ticks)
{
	return (u64)((unsigned __int128)ticks * 1000000000u / MACHINE_TSC_HZ);
}

u64 clock_ns_to_tsc(u64 ns)
{
	return (u64)((unsigned __int128)ns * MACHINE_TSC_HZ / 1000000000u);
}

u64 machine_ns_to_tsc(u64 ns)
{
	return clock_ns_to_tsc(ns);
}

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	(void)event;
	(void)vp;
	(void)a;
	(void)b;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
	machine_logs++;
}

bool log_allowed(struct log_limit *limit)
{
	(void)limit;
	return true;
}

int machine_set_up(void **state)
{
	(void)state;
	memset(vps, 0, sizeof(vps));
	memset(&partition, 0, sizeof(partition));
	memset(machine_cr8, 0, sizeof(machine_cr8));
	memset(machine_tsc_offset, 0, sizeof(machine_tsc_offset));
	memset(machine_eois, 0, sizeof(machine_eois));
	memset(machine_synic_eois, 0, sizeof(machine_synic_eois));
	memset(machine_inits, 0, sizeof(machine_inits));
	memset(machine_sipis, 0, sizeof(machine_sipis));
	memset(&machine_slot, 0, sizeof(machine_slot));
	machine_posts = 0;
	machine_waiting = NULL;
	machine_logs = 0;
	machine_hardware = ~0ull;
	machine_offers = BIT(21) | BIT(24);
	fake_tsc = 987654321;
	fake_tsc_step = 0;
	timer_queue_init(&cpu.timers);
	partition.id = 1;
	reference_time_start(&partition.time);
	partition.vp_count = MACHINE_VPS;
	for (u32 i = 0; i < MACHINE_VPS; i++) {
		partition.vps[i] = &vps[i];
		vps[i].index = i;
		vps[i].apic_id = i;
		vps[i].partition = &partition;
		vps[i].cpu = &cpu;
		vlapic_init(&vps[i].vlapic, i, i == 0);
		vlapic_level_init(&vps[i]);
		page_write(i, APIC_SVR, 0x1ff);
	}
	memset(machine_eois, 0, sizeof(machine_eois));
	memset(machine_notified, 0, sizeof(machine_notified));
	return 0;
}

void machine_run_to(u64 tsc)
{
	while (machine_hardware <= tsc) {
		fake_tsc = MAX(fake_tsc, machine_hardware);
		machine_hardware = ~0ull;
		timer_interrupt();
	}
	fake_tsc = tsc;
}

u32 page_read(u32 vp, u32 reg)
{
	u32 v = 0xdeadbeef;

	assert_true(vlapic_read(&vps[vp], reg, &v));
	return v;
}

void page_write(u32 vp, u32 reg, u32 v)
{
	assert_true(vlapic_write(&vps[vp], reg, v));
}

u64 msr_get(u32 vp, u32 msr)
{
	u64 v = 0xdeadbeef;

	assert_true(vlapic_msr_read(&vps[vp], msr, &v));
	return v;
}

void msr_set(u32 vp, u32 msr, u64 v)
{
	assert_true(vlapic_msr_write(&vps[vp], msr, v));
}

void to_x2apic(u32 vp)
{
	msr_set(vp, MSR_APIC_BASE, msr_get(vp, MSR_APIC_BASE) | APIC_BASE_X2APIC);
}

bool is_pending(u32 vp, u8 vector)
{
	return vps[vp].vlapic.irr[vector / 32] >> (vector % 32) & 1;
}

u32 pending_count(u32 vp)
{
	u32 count = 0;

	for (u32 i = 0; i < 8; i++)
		count += (u32)__builtin_popcount(vps[vp].vlapic.irr[i]);
	return count;
}

void take(u32 vp, u8 vector)
{
	assert_int_equal(vlapic_pending(&vps[vp]), vector);
	vlapic_accept(&vps[vp], vector);
	vlapic_eoi(&vps[vp]);
}
