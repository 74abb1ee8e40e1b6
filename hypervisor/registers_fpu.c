/* SPDX-License-Identifier: MIT */
/*
 * FPU and SSE registers of a VP at rest: in its XSAVE area of standard form,
 * or FXSAVE area. A component that XSTATE_BV leaves out is in its initial
 * state, whatever the area holds, and is filled with that before it is
 * changed; MXCSR is always the area's. Intel SDM volume 1, 10.5.1 and 13.4.
 */
#include "hypervisor/cpu.h"
#include "hypervisor/policy.h"
#include "hypervisor/registers_impl.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/cr.h"
#include "x86/xsave.h"

#define XMM_SIZE 16u
#define XMM_REGS 16u
#define ST_SIZE  16u

/* HV_X64_REGISTER_FP_CONTROL is the first half of the area's head, _XMM_CONTROL the second. */
#define HEAD_SIZE 16u
#define FDP_SIZE  8u
/* Byte 5 of the first half, and behind the ten bytes of a register: reserved. */
#define FP_CONTROL_RESERVED 0x0000ff0000000000ull
#define ST_RESERVED         (~0xffffull)

static u8 *area(const struct vp *vp)
{
	return vp->fpu;
}

static u64 *present(const struct vp *vp)
{
	return (u64 *)(void *)(area(vp) + XSAVE_BV);
}

static bool is_initial(const struct vp *vp, u64 component)
{
	return vp->cpu->features.xsave && !(*present(vp) & component);
}

/* All but MXCSR, which lies between. */
static void x87_clear(u8 *a)
{
	memset(a, 0, FXSAVE_MXCSR);
	*(u16 *)(void *)(a + FXSAVE_FCW) = FCW_DEFAULT;
	memset(a + FXSAVE_ST0, 0, FXSAVE_XMM0 - FXSAVE_ST0);
}

/* @component is about to be changed in part. */
static void make_present(struct vp *vp, u64 component)
{
	if (!is_initial(vp, component))
		return;
	if (component == XCR0_X87)
		x87_clear(area(vp));
	else
		memset(area(vp) + FXSAVE_XMM0, 0, XMM_REGS * XMM_SIZE);
	*present(vp) |= component;
}

static u8 *xmm_of(const struct vp *vp, u32 name)
{
	return area(vp) + FXSAVE_XMM0 + (name - HV_X64_REGISTER_XMM0) * XMM_SIZE;
}

void register_xmm_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	if (!is_initial(vp, XCR0_SSE))
		memcpy(v, xmm_of(vp, name), XMM_SIZE);
}

enum hv_status register_xmm_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)self;
	make_present(vp, XCR0_SSE);
	memcpy(xmm_of(vp, name), v, XMM_SIZE);
	return HV_STATUS_SUCCESS;
}

static u8 *st_of(const struct vp *vp, u32 name)
{
	return area(vp) + FXSAVE_ST0 + (name - HV_X64_REGISTER_FP_MMX0) * ST_SIZE;
}

void register_st_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	if (is_initial(vp, XCR0_X87))
		return;
	memcpy(v, st_of(vp, name), ST_SIZE);
	v->wide[1] &= ~ST_RESERVED;
}

enum hv_status register_st_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)self;
	if (v->wide[1] & ST_RESERVED)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	make_present(vp, XCR0_X87);
	memcpy(st_of(vp, name), v, ST_SIZE);
	return HV_STATUS_SUCCESS;
}

void register_fp_control_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	if (is_initial(vp, XCR0_X87)) {
		v->u64 = FCW_DEFAULT;
		return;
	}
	memcpy(v, area(vp), HEAD_SIZE);
	v->u64 &= ~FP_CONTROL_RESERVED;
}

enum hv_status register_fp_control_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	if (v->u64 & FP_CONTROL_RESERVED)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	make_present(vp, XCR0_X87);
	memcpy(area(vp), v, HEAD_SIZE);
	return HV_STATUS_SUCCESS;
}

void register_xmm_control_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	memcpy(v, area(vp) + HEAD_SIZE, HEAD_SIZE);
	if (is_initial(vp, XCR0_X87))
		v->wide[0] = 0;
	v->wide[1] = (u32)v->wide[1] | (u64)vp->cpu->features.mxcsr_mask << 32;
}

/* A bit of MXCSR that the processor has not would fault when it is loaded. */
enum hv_status register_xmm_control_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	u32 mxcsr = (u32)v->wide[1];

	(void)name;
	(void)self;
	if (mxcsr & ~vp->cpu->features.mxcsr_mask)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	/* Of x87 it is the last data pointer only. */
	if (v->wide[0] || !is_initial(vp, XCR0_X87)) {
		make_present(vp, XCR0_X87);
		memcpy(area(vp) + HEAD_SIZE, v, FDP_SIZE);
	}
	memcpy(area(vp) + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
	return HV_STATUS_SUCCESS;
}

void register_xfem_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = vp->xcr0;
}

/* What it has is good, without XSAVE as well. */
enum hv_status register_xfem_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	if (v->u64 != vp->xcr0 && !policy_xcr0_valid(vp, v->u64))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->xcr0 = v->u64;
	return HV_STATUS_SUCCESS;
}
