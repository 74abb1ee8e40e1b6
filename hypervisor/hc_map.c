/* SPDX-License-Identifier: MIT */
/*
 * HvCallMapGpaPages, UnmapGpaPages, MapSparseGpaPages: RAM of the caller in a
 * child's GPA space. An element is a page of 4 KiB or of 2 MiB; it is mapped
 * whole or not at all. A frame has one place in one child; what is unmapped is
 * the root's to use otherwise only when no processor can reach it any more.
 * TLFS 6.0b, 5.4.
 */
#include "hv/memory.h"
#include "hypervisor/hc.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"

#define CHILD_IOAPIC 0xfec00000ull

#define MAP_FLAGS    (HV_MAP_ALL | HV_MAP_ADJUSTABLE | HV_MAP_LARGE)

/* One element. */
struct piece {
	u64 gpa;
	u64 spa;
	u64 size;
	u32 access; /* SLAT_* */
};

/* The APICs of a child are emulated at these places, whatever would lie there. */
static bool hits_apic(u64 gpa, u64 size)
{
	return (gpa <= APIC_DEFAULT_BASE && APIC_DEFAULT_BASE < gpa + size) ||
	       (gpa <= CHILD_IOAPIC && CHILD_IOAPIC < gpa + size);
}

static bool gpa_valid(u64 gpfn, u64 pages)
{
	return gpfn % pages == 0 && partition_gpa_exists(gpfn) &&
	       partition_gpa_exists(gpfn + pages - 1);
}

static bool piece_decode(struct piece *piece, u64 target, u64 source, u32 flags)
{
	u64 pages = flags & HV_MAP_LARGE ? PAGE_2M / PAGE_SIZE : 1;

	*piece = (struct piece){
		.gpa = target << PAGE_SHIFT,
		.spa = source << PAGE_SHIFT,
		.size = pages * PAGE_SIZE,
		.access = SLAT_READ | (flags & HV_MAP_WRITE ? SLAT_WRITE : 0) |
			  (flags & HV_MAP_EXEC ? SLAT_EXEC : 0),
	};
	return !(flags & ~MAP_FLAGS) && flags & HV_MAP_READ && gpa_valid(target, pages) &&
	       source < BIT(52 - PAGE_SHIFT) && source % pages == 0 &&
	       !hits_apic(piece->gpa, piece->size);
}

static bool has_overlay(const struct partition *p, u64 gpa, u64 size)
{
	list_for_each(n, &p->overlays)
	{
		const struct overlay *o = list_entry(n, struct overlay, link);

		if (o->gpa.a >= gpa && o->gpa.a < gpa + size)
			return true;
	}
	return false;
}

/* What the child has at @gpa, whatever lies over it. */
static bool mapped_at(const struct partition *p, u64 gpa, struct slat_mapping *m)
{
	const struct overlay *o = overlay_find(p, GPA(gpa));

	if (!o)
		return slat_lookup(&p->slat, GPA(gpa), m);
	*m = o->below;
	return o->covers;
}

/* Ends the claims of the first @bytes of @piece, for what is not mapped. */
static void unclaim(struct partition *p, const struct piece *piece, u64 bytes)
{
	struct slat_mapping m;

	for (u64 at = 0; at < bytes; at += PAGE_SIZE)
		if (!mapped_at(p, piece->gpa + at, &m))
			frame_release_map(SPA(piece->spa + at));
}

static enum hv_status claim_page(
	struct hypercall *call, struct partition *p, const struct piece *piece, u64 at)
{
	struct slat_mapping m;

	if (!mapped_at(p, piece->gpa + at, &m))
		return frame_claim_map(SPA(piece->spa + at), (u16)p->id);
	if (m.spa.a != piece->spa + at)
		return HV_STATUS_OBJECT_IN_USE;
	/* Just the rights change: perhaps to less. */
	call->flush = true;
	return HV_STATUS_SUCCESS;
}

static enum hv_status claim(struct hypercall *call, struct partition *p, const struct piece *piece)
{
	for (u64 at = 0; at < piece->size; at += PAGE_SIZE) {
		enum hv_status status = claim_page(call, p, piece, at);

		if (status != HV_STATUS_SUCCESS) {
			unclaim(p, piece, at);
			return status;
		}
	}
	return HV_STATUS_SUCCESS;
}

static void map_below(struct overlay *o, u64 spa, u32 access)
{
	o->covers = true;
	o->below = (struct slat_mapping){
		.spa = SPA(spa),
		.access = access,
		.level = 1,
		.type = MEMTYPE_WB,
	};
}

static enum hv_status map_page(struct partition *p, u64 gpa, u64 spa, u32 access)
{
	struct overlay *o = overlay_find(p, GPA(gpa));

	/* New, or perhaps written to at this moment: it counts as written. */
	if (p->slat.log != SLAT_LOG_OFF)
		access |= SLAT_DIRTY;
	if (!o)
		return slat_map(&p->slat, GPA(gpa), SPA(spa), PAGE_SIZE, access, MEMTYPE_WB, 1);
	map_below(o, spa, access);
	return HV_STATUS_SUCCESS;
}

/* Page by page, all of one table: only the first can fail, for want of it. */
static enum hv_status map_pages(struct partition *p, const struct piece *piece)
{
	enum hv_status status = HV_STATUS_SUCCESS;

	for (u64 at = 0; at < piece->size && status == HV_STATUS_SUCCESS; at += PAGE_SIZE)
		status = map_page(p, piece->gpa + at, piece->spa + at, piece->access);
	return status;
}

static enum hv_status map_piece(
	struct hypercall *call, struct partition *p, const struct piece *piece)
{
	enum hv_status status = claim(call, p, piece);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (p->slat.log != SLAT_LOG_OFF || has_overlay(p, piece->gpa, piece->size))
		status = map_pages(p, piece);
	else
		status = slat_map(&p->slat, GPA(piece->gpa), SPA(piece->spa), piece->size,
			piece->access, MEMTYPE_WB, 2);
	if (status == HV_STATUS_SUCCESS)
		slat_promote(&p->slat, GPA(piece->gpa));
	else
		unclaim(p, piece, piece->size);
	return status;
}

static enum hv_status map(struct hypercall *call, u64 target, u64 source, u32 flags)
{
	struct partition *p = call->target;
	enum hv_status status;
	struct piece piece;

	if (!piece_decode(&piece, target, source, flags))
		return HV_STATUS_INVALID_PARAMETER;
	spin_lock(&p->lock);
	status = map_piece(call, p, &piece);
	spin_unlock(&p->lock);
	return status;
}

enum hv_status hc_map_gpa_pages(struct hypercall *call)
{
	const struct hv_map_gpa_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_ACTIVE);
	u64 step = in->flags & HV_MAP_LARGE ? PAGE_2M / PAGE_SIZE : 1;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	return map(call, in->base_gpfn + call->rep_index * step, call->element_in[0], in->flags);
}

enum hv_status hc_map_sparse_gpa_pages(struct hypercall *call)
{
	const struct hv_map_sparse_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_ACTIVE);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	return map(call, call->element_in[0], call->element_in[1], in->flags);
}

static void unmap_below(struct hypercall *call, struct overlay *o)
{
	if (o->covers)
		frame_list_push(&call->moving, o->below.spa);
	o->covers = false;
}

static enum hv_status unmap_around(struct hypercall *call, struct partition *p, u64 gpa, u64 size)
{
	enum hv_status status = HV_STATUS_SUCCESS;

	for (u64 at = gpa; at < gpa + size && status == HV_STATUS_SUCCESS; at += PAGE_SIZE) {
		struct overlay *o = overlay_find(p, GPA(at));

		if (o)
			unmap_below(call, o);
		else
			status = slat_remove(&p->slat, GPA(at), PAGE_SIZE, &call->moving);
	}
	return status;
}

enum hv_status hc_unmap_gpa_pages(struct hypercall *call)
{
	const struct hv_unmap_gpa_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_ACTIVE);
	u64 pages = in->flags & HV_UNMAP_LARGE ? PAGE_2M / PAGE_SIZE : 1;
	u64 gpfn = in->base_gpfn + call->rep_index * pages;
	struct partition *p = call->target;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->flags & ~(u32)HV_UNMAP_LARGE || in->reserved != 0 || !gpa_valid(gpfn, pages))
		return HV_STATUS_INVALID_PARAMETER;
	spin_lock(&p->lock);
	if (has_overlay(p, gpfn << PAGE_SHIFT, pages * PAGE_SIZE))
		status = unmap_around(call, p, gpfn << PAGE_SHIFT, pages * PAGE_SIZE);
	else
		status = slat_remove(
			&p->slat, GPA(gpfn << PAGE_SHIFT), pages * PAGE_SIZE, &call->moving);
	spin_unlock(&p->lock);
	return status;
}

/* A frame that leaves the list is the root's for any other use. */
void hc_map_finish(struct hypercall *call)
{
	struct partition *p = call->target;
	spa_t spa;

	if (call->flush || call->moving.first || p->slat.stale.first)
		partition_flush_tables(p, call->vp);
	while (frame_list_pop(&call->moving, &spa))
		;
}
