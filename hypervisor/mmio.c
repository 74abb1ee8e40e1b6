/* SPDX-License-Identifier: MIT */
/*
 * Emulation of accesses to the local APIC's page, for processors and guests
 * without x2APIC. Called on EXIT_SLAT_FAULT on the VP's processor. The page is
 * known by the fault's address alone, so that no operand address is computed:
 * string instructions, whose other operand could be anywhere, are refused.
 * Intel SDM volume 3, 11.4.1.
 */
#include "hypervisor/mmio.h"

#include "hypervisor/guest.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "lib/mmio_emulate.h"
#include "x86/apic.h"
#include "x86/desc.h"
#include "x86/msr.h"

bool mmio_is_apic(const struct vp *vp, const struct exit *exit)
{
	u64 base = vp->vlapic.base_msr;

	return (base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) == APIC_BASE_ENABLE &&
	       ALIGN_DOWN(exit->slat.gpa.a, PAGE_SIZE) == ALIGN_DOWN(base, PAGE_SIZE);
}

static bool is_register(u32 offset, u8 size)
{
	return size == 4 && IS_ALIGNED(offset, 16);
}

static void log_odd(const struct vp *vp, const char *what, u32 offset, u8 size)
{
	log_limited(LOG_WARN, "vlapic: p%u.v%u: %s ignored offset=0x%x size=%u rip=0x%lx",
		(u32)vp->partition->id, vp->index, what, offset, size, vp->regs.rip);
}

static u64 apic_load(struct vp *vp, u32 offset, u8 size)
{
	u32 v = 0;

	if (!is_register(offset, size) || !vlapic_read(vp, offset, &v)) {
		log_odd(vp, "read", offset, size);
		return 0;
	}
	return v;
}

static void apic_store(struct vp *vp, u32 offset, u8 size, u64 v)
{
	if (!is_register(offset, size) || !vlapic_write(vp, offset, (u32)v))
		log_odd(vp, "write", offset, size);
}

/* False: nothing was done, the instruction is not one that we emulate. */
static bool emulate(struct vp *vp, const struct insn *insn, u32 offset)
{
	struct mmio_op op;
	u64 v = 0;

	if (mmio_decode(&op, insn, vp->regs.gpr) != 0)
		return false;
	if (op.loads)
		v = apic_load(vp, offset, op.how.size);
	v = mmio_apply(&op, v, vp->regs.gpr, &vp->regs.rflags);
	if (op.stores)
		apic_store(vp, offset, op.how.size, v);
	return true;
}

void mmio_handle(struct vp *vp, const struct exit *exit)
{
	u32 offset = (u32)(exit->slat.gpa.a & PAGE_MASK);
	struct guest_fault fault;
	struct insn insn;

	/* An event's frame pushed onto the APIC, or page tables in it. */
	if (vp->event.valid || exit->slat.walk || exit->slat.access & ACCESS_EXEC) {
		log_odd(vp, "access other than by an instruction", offset, 0);
		vp_inject_gp(vp);
		return;
	}
	if (!guest_fetch(vp, &insn, &fault)) {
		if (fault.vector == VEC_PF)
			vp_inject_pf(vp, fault.address, fault.error);
		else
			vp_inject_exception(vp, fault.vector, true, fault.error);
		return;
	}
	if (!emulate(vp, &insn, offset)) {
		log_odd(vp, "instruction not emulated,", offset, insn.opcode);
		vp_inject_gp(vp);
		return;
	}
	vp_advance(vp, insn.length);
}
