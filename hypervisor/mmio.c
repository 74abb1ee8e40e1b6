/* SPDX-License-Identifier: MIT */
/*
 * Emulation of accesses to the local APIC's page, for processors and guests
 * without x2APIC. Called on EXIT_SLAT_FAULT on the VP's processor. The page is
 * known by the fault's address alone, so that no operand address is computed:
 * string instructions, whose other operand could be anywhere, are refused.
 * Intel SDM volume 3, 11.4.1; volume 1, appendix A for the flags.
 */
#include "hypervisor/mmio.h"

#include "hypervisor/guest.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define OP_ADD       0u
#define OP_OR        1u
#define OP_AND       4u
#define OP_SUB       5u
#define OP_XOR       6u
#define OP_CMP       7u
#define OP_XCHG      8u
#define OP_TEST      9u
#define OP_BT        10u

#define STATUS_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

bool mmio_is_apic(const struct vp *vp, const struct exit *exit)
{
	u64 base = vp->vlapic.base_msr;

	return (base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) == APIC_BASE_ENABLE &&
	       ALIGN_DOWN(exit->slat.gpa.a, PAGE_SIZE) == ALIGN_DOWN(base, PAGE_SIZE);
}

static u64 size_mask(u8 size)
{
	return size >= 8 ? ~0ull : BIT(8 * size) - 1;
}

static u64 flags_of(u64 result, u8 size)
{
	u64 flags = 0;

	if (result == 0)
		flags |= RFLAGS_ZF;
	if (result >> (8 * size - 1) & 1)
		flags |= RFLAGS_SF;
	if (!__builtin_parity((u8)result))
		flags |= RFLAGS_PF;
	return flags;
}

/* Flags of r = a + b or, with @subtract, r = a - b. */
static u64 carry_flags(u64 a, u64 b, u64 r, u8 size, bool subtract)
{
	u64 overflow = subtract ? (a ^ b) & (a ^ r) : (a ^ r) & (b ^ r);
	u64 flags = (a ^ b ^ r) & RFLAGS_AF;

	if (subtract ? a < b : r < a)
		flags |= RFLAGS_CF;
	if (overflow >> (8 * size - 1) & 1)
		flags |= RFLAGS_OF;
	return flags;
}

u64 mmio_alu(u8 op, u64 a, u64 b, u8 size, u64 *rflags)
{
	u64 mask = size_mask(size);
	u64 flags = 0, r;

	a &= mask;
	b &= mask;
	switch (op) {
	case OP_ADD:
		r = (a + b) & mask;
		flags = carry_flags(a, b, r, size, false);
		break;
	case OP_SUB:
	case OP_CMP:
		r = (a - b) & mask;
		flags = carry_flags(a, b, r, size, true);
		break;
	case OP_OR:
		r = a | b;
		break;
	case OP_XOR:
		r = a ^ b;
		break;
	case OP_AND:
	case OP_TEST:
		r = a & b;
		break;
	case OP_BT:
		*rflags &= ~RFLAGS_CF;
		*rflags |= a >> (b % (8 * size)) & 1;
		return a;
	default: /* XCHG: flags stay */
		return b;
	}
	*rflags = (*rflags & ~STATUS_FLAGS) | flags | flags_of(r, size);
	return r;
}

static u64 register_read(const struct vp *vp, const struct insn_access *acc, u8 size)
{
	u64 v = acc->high_byte ? vp->regs.gpr[acc->reg - 4] >> 8 : vp->regs.gpr[acc->reg];

	return v & size_mask(size);
}

/* As the processor does: 4 bytes clear the upper half, 1 and 2 keep the rest. */
static void register_write(struct vp *vp, const struct insn_access *acc, u64 v)
{
	u64 mask = size_mask(acc->dst_size);
	u64 *gpr = &vp->regs.gpr[acc->high_byte ? acc->reg - 4 : acc->reg];
	u32 shift = acc->high_byte ? 8 : 0;

	if (acc->dst_size >= 4)
		*gpr = v & mask;
	else
		*gpr = (*gpr & ~(mask << shift)) | (v & mask) << shift;
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

static u64 sign_extend(u64 v, u8 size)
{
	u32 unused = 64 - 8u * size;

	return (u64)((s64)(v << unused) >> unused);
}

/* False: nothing was done, the instruction is not one that we emulate. */
static bool emulate(struct vp *vp, const struct insn *insn, u32 offset)
{
	struct insn_access acc;
	u64 source, v;

	if (insn_access(insn, &acc) != 0)
		return false;
	source = acc.source_imm ? insn->imm : register_read(vp, &acc, acc.size);
	switch (acc.kind) {
	case INSN_LOAD:
		v = apic_load(vp, offset, acc.size);
		register_write(vp, &acc, acc.sign ? sign_extend(v, acc.size) : v);
		return true;
	case INSN_STORE:
		apic_store(vp, offset, acc.size, source);
		return true;
	case INSN_RMW:
		v = apic_load(vp, offset, acc.size);
		apic_store(vp, offset, acc.size,
			mmio_alu(acc.op, v, source, acc.size, &vp->regs.rflags));
		if (acc.op == OP_XCHG)
			register_write(vp, &acc, v);
		return true;
	case INSN_TEST:
		v = apic_load(vp, offset, acc.size);
		mmio_alu(acc.op, v, source, acc.size, &vp->regs.rflags);
		return true;
	case INSN_LOAD_OP:
		v = apic_load(vp, offset, acc.size);
		v = mmio_alu(acc.op, source, v, acc.size, &vp->regs.rflags);
		if (acc.op != OP_CMP)
			register_write(vp, &acc, v);
		return true;
	default:
		return false;
	}
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
