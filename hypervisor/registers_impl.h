/* SPDX-License-Identifier: MIT */
/*
 * What the files of the registers share: registers.c has the table and what
 * back ends keep, registers_fpu.c FPU and SSE, registers_life.c suspension,
 * APIC and SynIC. Nobody else includes it.
 */
#pragma once

#include "hypervisor/registers.h"

struct register_row {
	u32 first;
	u32 last;
	u8 live; /* REGISTER_LIVE_* */
	u32 msr; /* of the first name, where a synthetic MSR stands behind it */
	void (*get)(struct vp *vp, u32 name, union hv_register_value *v);
	/* NULL: read only. */
	enum hv_status (*set)(
		struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
	/* Instead: virt->set() of a value of 64 bits that passes. */
	bool (*valid)(const struct vp *vp, u64 v);
};

#define REGISTER_LIVE_GET BIT(0)
#define REGISTER_LIVE_SET BIT(1)

/* registers_fpu.c */
void register_xmm_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_xmm_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_st_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_st_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_fp_control_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_fp_control_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_xmm_control_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_xmm_control_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_xfem_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_xfem_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);

/* registers_life.c */
void register_explicit_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_explicit_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_intercept_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_intercept_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_activity_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_activity_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_apic_base_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_apic_base_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_pending_event_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_pending_event_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_apic_id_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_apic_id_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_deadline_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_deadline_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_synthetic_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_synthetic_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_stimer_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_stimer_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_notifications_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_notifications_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
void register_synic_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status register_synic_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self);
