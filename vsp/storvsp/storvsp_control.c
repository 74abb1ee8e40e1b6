/* SPDX-License-Identifier: MIT */
/*
 * The steps by which a guest begins: one after the other, and anew at any time. They come by the primary; other
 * channels' places only look at how far it has come.
 */
#include "lib/string.h"
#include "vsp/storvsp/storvsp_impl.h"
#include "x86/atomic.h"

static u32 query_version(struct storvsp *s, struct vstor_packet *p)
{
	u16 v = p->version;

	if (load_relaxed(&s->step) != STORVSP_BEGUN)
		return VSTOR_STATUS_INVALID;
	if (v != VSTOR_VERSION_6_2 && v != VSTOR_VERSION_6_0 && v != VSTOR_VERSION_5_1)
		return VSTOR_STATUS_REVISION_UNKNOWN;
	store_relaxed(&s->step, STORVSP_VERSION);
	return VSTOR_STATUS_OK;
}

static u32 query_properties(struct storvsp *s, struct vstor_packet *p)
{
	if (load_relaxed(&s->step) != STORVSP_VERSION)
		return VSTOR_STATUS_INVALID;
	store_relaxed(&s->step, STORVSP_PROPERTIES);
	memset(p->bytes, 0, sizeof(p->bytes));
	p->properties = (struct vstor_properties){ .max_subchannels = (u16)s->max_subchannels,
		.flags = s->max_subchannels > 0 ? VSTOR_MULTI_CHANNEL : 0,
		.max_transfer = VSP_DISK_BYTES_MAX };
	return VSTOR_STATUS_OK;
}

static u32 create_channels(struct storvsp *s, const struct vstor_packet *p)
{
	if (load_relaxed(&s->step) != STORVSP_READY || p->subchannels > s->max_subchannels)
		return VSTOR_STATUS_INVALID;
	store_relaxed(&s->wanted, p->subchannels);
	s->host->want_channels(s->host->context, s, p->subchannels);
	return VSTOR_STATUS_OK;
}

u32 storvsp_control(struct storvsp_channel *ch, struct vstor_packet *p)
{
	struct storvsp *s = ch->s;

	if (ch->index != 0)
		return VSTOR_STATUS_INVALID;
	switch (p->operation) {
	case VSTOR_BEGIN_INITIALIZATION:
		store_relaxed(&s->step, STORVSP_BEGUN);
		return VSTOR_STATUS_OK;
	case VSTOR_QUERY_PROTOCOL_VERSION:
		return query_version(s, p);
	case VSTOR_QUERY_PROPERTIES:
		return query_properties(s, p);
	case VSTOR_END_INITIALIZATION:
		if (load_relaxed(&s->step) != STORVSP_PROPERTIES)
			return VSTOR_STATUS_INVALID;
		store_relaxed(&s->step, STORVSP_READY);
		return VSTOR_STATUS_OK;
	case VSTOR_CREATE_SUB_CHANNELS:
		return create_channels(s, p);
	default:
		return VSTOR_STATUS_NOT_SUPPORTED;
	}
}
