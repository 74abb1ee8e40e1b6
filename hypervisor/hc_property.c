/* SPDX-License-Identifier: MIT */
/*
 * HvCallGet/SetPartitionProperty and its Ex form: one table of what there is,
 * when it may be set and to what. TLFS 6.0b, 4.4; hv/partition.h.
 */
#include "hv/cpuid.h"
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition_clock.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"
#include "lib/vpset.h"
#include "x86/cpu.h"

#define TRACKING_NS 50000u

#define CALLS(bit)  ((bit) << 32)

/* What a child may be given. */
#define CHILD_PRIVILEGES                                                                     \
	(HV_ACCESS_VP_RUNTIME | HV_ACCESS_REFERENCE_COUNT | HV_ACCESS_SYNIC |                \
		HV_ACCESS_SYNTHETIC_TIMER | HV_ACCESS_APIC_MSRS | HV_ACCESS_HYPERCALL_MSRS | \
		HV_ACCESS_VP_INDEX | HV_ACCESS_REFERENCE_TSC | HV_ACCESS_GUEST_IDLE |        \
		HV_ACCESS_FREQUENCY_MSRS | HV_ACCESS_RESET | CALLS(HV_ACCESS_PARTITION_ID) | \
		CALLS(HV_POST_MESSAGES) | CALLS(HV_SIGNAL_EVENTS) |                          \
		CALLS(HV_START_VIRTUAL_PROCESSOR))

/* Bits of property.set_in. */
#define IN_CREATED BIT(PARTITION_CREATED)
#define IN_ACTIVE  BIT(PARTITION_ACTIVE)
#define IN_BOTH    (IN_CREATED | IN_ACTIVE)

struct property {
	u32 code;
	u32 set_in; /* states */
	u64 min, max;
	u64 (*get)(const struct partition *p);
	/* NULL: read only. The value is in range. */
	enum hv_status (*set)(struct hypercall *call, struct partition *p, u64 v);
};

static u64 privileges_get(const struct partition *p)
{
	return p->privileges;
}

static enum hv_status privileges_set(struct hypercall *call, struct partition *p, u64 v)
{
	(void)call;
	if (v & ~CHILD_PRIVILEGES)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	p->privileges = v;
	return HV_STATUS_SUCCESS;
}

/* The same by other names: bit of the property, bit of the privileges. */
static const struct {
	u8 feature;
	u8 privilege;
} synthetic[] = {
	{ 2, 0 },        /* VP run time */
	{ 3, 1 },        /* reference counter */
	{ 4, 2 },        /* SynIC */
	{ 5, 3 },        /* timers */
	{ 6, 4 },        /* APIC */
	{ 7, 5 },        /* hypercalls */
	{ 8, 6 },        /* VP index */
	{ 9, 9 },        /* reference TSC */
	{ 10, 10 },      /* guest idle */
	{ 11, 11 },      /* frequencies */
	{ 20, 32 + 21 }, /* StartVirtualProcessor */
	{ 29, 32 + 5 },  /* SignalEvent */
};

/* That there is a hypervisor, and that it is this one. */
#define SYNTHETIC_ALWAYS 3u

static u64 synthetic_get(const struct partition *p)
{
	u64 v = SYNTHETIC_ALWAYS;

	for (u32 i = 0; i < ARRAY_SIZE(synthetic); i++)
		v |= (p->privileges >> synthetic[i].privilege & 1) << synthetic[i].feature;
	return v;
}

static enum hv_status synthetic_set(struct hypercall *call, struct partition *p, u64 v)
{
	u64 known = SYNTHETIC_ALWAYS, on = 0, off = 0;

	(void)call;
	for (u32 i = 0; i < ARRAY_SIZE(synthetic); i++) {
		known |= BIT(synthetic[i].feature);
		off |= BIT(synthetic[i].privilege);
		on |= (v >> synthetic[i].feature & 1) << synthetic[i].privilege;
	}
	if (v & ~known || (v & SYNTHETIC_ALWAYS) != SYNTHETIC_ALWAYS)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	p->privileges = (p->privileges & ~off) | on;
	return HV_STATUS_SUCCESS;
}

static u64 ignore_msrs_get(const struct partition *p)
{
	return p->ignore_msrs;
}

static enum hv_status ignore_msrs_set(struct hypercall *call, struct partition *p, u64 v)
{
	(void)call;
	p->ignore_msrs = v;
	return HV_STATUS_SUCCESS;
}

/* One that the scheduler goes by, and each VP's is changed with it. */
static enum hv_status share_set(struct partition *p, u64 *field, u64 v)
{
	*field = v;
	for (u32 i = 0; i < p->vp_limit; i++)
		if (p->vps[i])
			sched_share_changed(p->vps[i]);
	return HV_STATUS_SUCCESS;
}
#define SHARE(name)                                                                          \
	static u64 name##_get(const struct partition *p)                                     \
	{                                                                                    \
		return p->name;                                                              \
	}                                                                                    \
	static enum hv_status name##_set(struct hypercall *call, struct partition *p, u64 v) \
	{                                                                                    \
		(void)call;                                                                  \
		return share_set(p, &p->name, v);                                            \
	}
SHARE(cpu_reserve)
SHARE(cpu_cap)
SHARE(cpu_weight)

static u64 freeze_get(const struct partition *p)
{
	return p->time.frozen;
}

static enum hv_status freeze_set(struct hypercall *call, struct partition *p, u64 v)
{
	if (v)
		partition_clock_freeze(p);
	else
		partition_clock_thaw(p, call->vp);
	return HV_STATUS_SUCCESS;
}

static u64 time_get(const struct partition *p)
{
	return reference_time(&p->time);
}

static enum hv_status time_set(struct hypercall *call, struct partition *p, u64 v)
{
	(void)call;
	if (!p->time.frozen)
		return HV_STATUS_INVALID_PARTITION_STATE;
	spin_lock(&p->lock);
	reference_time_set(&p->time, v);
	spin_unlock(&p->lock);
	return HV_STATUS_SUCCESS;
}

static u64 tracking_get(const struct partition *p)
{
	return p->slat.log == SLAT_LOG_ON ? HV_TRACKING_ON : 0;
}

/* Pages that lie under overlays have no history yet. */
static void forget_below(struct partition *p)
{
	spin_lock(&p->lock);
	list_for_each(n, &p->overlays) list_entry(n, struct overlay, link)->below.access &=
		SLAT_ALL;
	spin_unlock(&p->lock);
}

/* All tables are gone through, which takes more than one stay. */
static enum hv_status tracking_set(struct hypercall *call, struct partition *p, u64 v)
{
	u64 end = rdtsc() + clock_ns_to_tsc(TRACKING_NS);
	enum hv_status status = HV_STATUS_SUCCESS;
	bool done;

	if (p->slat.log == SLAT_LOG_OFF)
		forget_below(p);
	do {
		if (v)
			status = slat_log_on(&p->slat, &done);
		else
			done = slat_log_off(&p->slat);
	} while (status == HV_STATUS_SUCCESS && !done && rdtsc() < end);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!done)
		return HYPERCALL_AGAIN;
	partition_flush_tables(p, call->vp);
	return HV_STATUS_SUCCESS;
}

static u64 vendor_get(const struct partition *p)
{
	(void)p;
	return this_cpu()->features.intel;
}

static u64 xsave_states_get(const struct partition *p)
{
	return p->xsave_states;
}

/* Of the block that HvCallGetVpState gives. */
static u64 xsave_bytes_get(const struct partition *p)
{
	return cpuid_table_compacted(&p->cpuid, p->xsave_states, CPUID_TABLE_XSAVE);
}

static u64 clock_get(const struct partition *p)
{
	return p->tsc_hz;
}

static u64 features_0_get(const struct partition *p)
{
	return p->processor_features[0];
}

static u64 features_1_get(const struct partition *p)
{
	return p->processor_features[1];
}

static u64 guest_os_id_get(const struct partition *p)
{
	return load_relaxed(&p->guest_os_id);
}

static const struct property properties[] = {
	{ HV_PROPERTY_PRIVILEGES, IN_CREATED, 0, ~0ull, privileges_get, privileges_set },
	{ HV_PROPERTY_SYNTHETIC_FEATURES, IN_CREATED, 0, ~0ull, synthetic_get, synthetic_set },
	{ HV_PROPERTY_CPU_RESERVE, IN_BOTH, 0, HV_CPU_ALL, cpu_reserve_get, cpu_reserve_set },
	{ HV_PROPERTY_CPU_CAP, IN_BOTH, 1, HV_CPU_ALL, cpu_cap_get, cpu_cap_set },
	{ HV_PROPERTY_CPU_WEIGHT, IN_BOTH, 1, HV_CPU_WEIGHT_MAX, cpu_weight_get, cpu_weight_set },
	{ HV_PROPERTY_TIME_FREEZE, IN_BOTH, 0, 1, freeze_get, freeze_set },
	{ HV_PROPERTY_REFERENCE_TIME, IN_BOTH, 0, ~0ull, time_get, time_set },
	{ HV_PROPERTY_ACCESS_TRACKING, IN_ACTIVE, 0, HV_TRACKING_ON, tracking_get, tracking_set },
	{ HV_PROPERTY_UNIMPLEMENTED_MSR, IN_BOTH, 0, 1, ignore_msrs_get, ignore_msrs_set },
	{ HV_PROPERTY_PROCESSOR_VENDOR, .get = vendor_get },
	{ HV_PROPERTY_XSAVE_STATES, .get = xsave_states_get },
	{ HV_PROPERTY_MAX_XSAVE_BYTES, .get = xsave_bytes_get },
	{ HV_PROPERTY_PROCESSOR_CLOCK, .get = clock_get },
	{ HV_PROPERTY_PROCESSOR_FEATURES_0, .get = features_0_get },
	{ HV_PROPERTY_PROCESSOR_FEATURES_1, .get = features_1_get },
	{ HV_PROPERTY_GUEST_OS_ID, .get = guest_os_id_get },
};

static const struct property *property_find(u32 code)
{
	for (u32 i = 0; i < ARRAY_SIZE(properties); i++)
		if (properties[i].code == code)
			return &properties[i];
	return NULL;
}

/* What both calls begin with: the child, and the property of @code. */
static enum hv_status decode(
	struct hypercall *call, u64 id, u32 code, u32 reserved, const struct property **property)
{
	enum hv_status status = hc_child(call, id);

	*property = property_find(code);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	return *property ? HV_STATUS_SUCCESS : HV_STATUS_UNKNOWN_PROPERTY;
}

enum hv_status hc_get_partition_property(struct hypercall *call)
{
	const struct hv_get_property_input *in = call->input;
	const struct property *property;
	enum hv_status status = decode(call, in->partition_id, in->code, in->reserved, &property);

	if (status == HV_STATUS_SUCCESS)
		*(u64 *)call->output = property->get(call->target);
	return status;
}

enum hv_status hc_set_partition_property(struct hypercall *call)
{
	const struct hv_set_property_input *in = call->input;
	const struct property *property;
	enum hv_status status = decode(call, in->partition_id, in->code, in->reserved, &property);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!property->set)
		return HV_STATUS_OPERATION_DENIED;
	if (!(property->set_in >> call->target->state & 1))
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (in->value < property->min || in->value > property->max)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	return property->set(call, call->target, in->value);
}

/* Processors that exist of the set in the variable header: format, banks, words. */
static bool affinity_decode(const struct hypercall *call, u64 *mask)
{
	u64 all = cpu_count < 64 ? BIT(cpu_count) - 1 : ~0ull;
	struct vpset set;
	u32 count;
	const u64 *words =
		hc_variable_header(call, sizeof(struct hv_set_property_ex_input), &count);

	if (count < 2 ||
		!vpset_decode((const struct hv_vpset_header *)words, words + 2, count - 2, &set))
		return false;
	*mask = set.bits[0] & all;
	return *mask != 0;
}

enum hv_status hc_set_partition_property_ex(struct hypercall *call)
{
	const struct hv_set_property_ex_input *in = call->input;
	enum hv_status status;
	struct vp *vp;
	u64 mask;

	if (in->code != HV_PROPERTY_AFFINITY)
		return HV_STATUS_UNKNOWN_PROPERTY;
	status = hc_child_vp(call, in->partition_id, (u32)in->argument, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->reserved != 0 || HV_PROPERTY_ARGUMENT_VP((u32)in->argument) != in->argument ||
		!affinity_decode(call, &mask))
		return HV_STATUS_INVALID_PARAMETER;
	sched_affinity_set(vp, mask);
	return HV_STATUS_SUCCESS;
}
