/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls of the root: set-up, the call itself, stubs, and the conversion
 * of status codes. TLFS 6.0b chapter 3. Any VP; interrupts are off while the
 * VP's parameter page is in use, so that a handler may call, too.
 */
#include "rootpart/hypercall.h"

#include "base/assert.h"
#include "base/errno.h"
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "rootpart/cpu.h"
#include "rootpart/image.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"
#include "x86/cpu.h"
#include "x86/msr.h"

/* A VP's two pages: input, then output. */
#define OUTPUT_OFFSET PAGE_SIZE
#define PAGES_ORDER   1u

/*
 * hypercall.S. The TLFS's registers are those of the third, fourth and fifth
 * argument of the C ABI: input RDX, control RCX, output R8. Result in RAX.
 */
u64 hypercall_page(u64 rdi, u64 rsi, u64 input, u64 control, u64 output);

static const u8 errno_of[] = {
	[HV_STATUS_INVALID_HYPERCALL_CODE] = ENOSYS,
	[HV_STATUS_INVALID_HYPERCALL_INPUT] = EINVAL,
	[HV_STATUS_INVALID_ALIGNMENT] = EINVAL,
	[HV_STATUS_INVALID_PARAMETER] = EINVAL,
	[HV_STATUS_ACCESS_DENIED] = EACCES,
	[HV_STATUS_INVALID_PARTITION_STATE] = EBUSY,
	[HV_STATUS_OPERATION_DENIED] = EPERM,
	[HV_STATUS_UNKNOWN_PROPERTY] = EINVAL,
	[HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE] = ERANGE,
	[HV_STATUS_INSUFFICIENT_MEMORY] = ENOMEM,
	[HV_STATUS_PARTITION_TOO_DEEP] = EINVAL,
	[HV_STATUS_INVALID_PARTITION_ID] = ENOENT,
	[HV_STATUS_INVALID_VP_INDEX] = ENOENT,
	[HV_STATUS_NOT_FOUND] = ENOENT,
	[HV_STATUS_INVALID_PORT_ID] = ENOENT,
	[HV_STATUS_INVALID_CONNECTION_ID] = ENOENT,
	[HV_STATUS_INSUFFICIENT_BUFFERS] = EAGAIN,
	[HV_STATUS_NOT_ACKNOWLEDGED] = EAGAIN,
	[HV_STATUS_INVALID_VP_STATE] = EBUSY,
	[HV_STATUS_INVALID_SYNIC_STATE] = ENOTCONN,
	[HV_STATUS_OBJECT_IN_USE] = EBUSY,
	[HV_STATUS_NO_RESOURCES] = ENOSPC,
	[HV_STATUS_FEATURE_UNAVAILABLE] = ENOTSUP,
	[HV_STATUS_INVALID_LP_INDEX] = ENOENT,
	[HV_STATUS_INVALID_REGISTER_VALUE] = EINVAL,
	[HV_STATUS_INVALID_DEVICE_ID] = ENODEV,
	[HV_STATUS_OPERATION_FAILED] = EIO,
	[HV_STATUS_UNKNOWN_REGISTER_NAME] = EINVAL,
};

int hypercall_errno(enum hv_status status)
{
	if (status == HV_STATUS_SUCCESS)
		return 0;
	if ((u32)status < ARRAY_SIZE(errno_of) && errno_of[status] != 0)
		return -(int)errno_of[status];
	return -EIO;
}

bool hypercall_present(void)
{
	struct cpuid_regs r = cpuid(HV_CPUID_VENDOR, 0);

	if (!(cpuid(1, 0).ecx & BIT(31)))
		return false;
	if (r.eax < HV_CPUID_FEATURES || r.ebx != HV_VENDOR_EBX || r.ecx != HV_VENDOR_ECX ||
		r.edx != HV_VENDOR_EDX)
		return false;
	return cpuid(HV_CPUID_INTERFACE, 0).eax == HV_INTERFACE_HV1 &&
	       (cpuid(HV_CPUID_FEATURES, 0).eax & HV_ACCESS_HYPERCALL_MSRS) &&
	       (cpuid(HV_CPUID_FEATURES, 0).ebx & HV_CPU_MANAGEMENT);
}

void hypercall_init(u64 load)
{
	u64 gpa = load + ((u64)hypercall_page - (u64)image_start);

	msr_write(HV_MSR_GUEST_OS_ID, HV_GUEST_OS_ID_ROOT);
	msr_write(HV_MSR_HYPERCALL, gpa | HV_MSR_HYPERCALL_ENABLE);
}

void hypercall_init_vp(void)
{
	this_cpu()->hypercall_page = page_alloc(PAGES_ORDER);
	assert(this_cpu()->hypercall_page != NULL);
}

/* The calling VP's pages; interrupts are off. Gives the result word. */
static u64 call(u64 control, const void *in, size_t in_size, const void *list, size_t list_size,
	bool has_output)
{
	u8 *page = this_cpu()->hypercall_page;
	u64 gpa = gpa_of(page).a;

	memcpy(page, in, in_size);
	memcpy(page + in_size, list, list_size);
	return hypercall_page(0, 0, gpa, control, has_output ? gpa + OUTPUT_OFFSET : 0);
}

int hypercall(u16 code, const void *in, size_t in_size, void *out, size_t out_size)
{
	return hypercall_variable(code, in, in_size, NULL, 0, out, out_size);
}

int hypercall_variable(u16 code, const void *in, size_t in_size, const u64 *header, u32 words,
	void *out, size_t out_size)
{
	u64 control = code | HV_CONTROL_VARHEAD_IS(words);
	u64 flags;
	int r;

	assert(in_size + words * sizeof(u64) <= PAGE_SIZE && out_size <= PAGE_SIZE);
	flags = irq_save();
	r = hypercall_errno(HV_RESULT_STATUS(
		call(control, in, in_size, header, words * sizeof(u64), out_size != 0)));
	if (r == 0 && out_size != 0)
		memcpy(out, (u8 *)this_cpu()->hypercall_page + OUTPUT_OFFSET, out_size);
	irq_restore(flags);
	return r;
}

int hypercall_rep(u16 code, const struct hypercall_reps *c, u32 *done)
{
	u64 flags, result;
	u32 reps;

	assert(c->in_size + c->count * c->element_in <= PAGE_SIZE);
	assert(c->count > 0 && c->count * c->element_out <= PAGE_SIZE);
	flags = irq_save();
	result = call(code | HV_CONTROL_REPS(c->count, 0), c->in, c->in_size, c->list,
		c->count * c->element_in, c->element_out != 0);
	reps = HV_RESULT_REPS(result);
	if (c->element_out != 0)
		memcpy(c->out, (u8 *)this_cpu()->hypercall_page + OUTPUT_OFFSET,
			MIN(reps, c->count) * c->element_out);
	irq_restore(flags);
	if (done != NULL)
		*done = reps;
	return hypercall_errno(HV_RESULT_STATUS(result));
}

int hypercall_start_vp(u32 vp_index, const struct hv_initial_vp_context *context)
{
	struct hv_start_vp_input in = {
		.partition_id = HV_PARTITION_SELF,
		.vp_index = vp_index,
		.context = *context,
	};

	return hypercall(HV_CALL_START_VIRTUAL_PROCESSOR, &in, sizeof(in), NULL, 0);
}

int hypercall_map_stats_page(const struct hv_stats_page_input *what, gpa_t *page)
{
	u64 frame;
	int r = hypercall(HV_CALL_MAP_STATS_PAGE, what, sizeof(*what), &frame, sizeof(frame));

	if (r == 0)
		*page = GPA(frame << PAGE_SHIFT);
	return r;
}

int hypercall_map_device_interrupt(
	const struct hv_map_device_interrupt_input *in, struct hv_interrupt_entry *entry)
{
	struct hv_map_device_interrupt_output out;
	int r = hypercall(HV_CALL_MAP_DEVICE_INTERRUPT, in, sizeof(*in), &out, sizeof(out));

	if (r == 0)
		*entry = out.entry;
	return r;
}

int hypercall_unmap_device_interrupt(u64 device_id, const struct hv_interrupt_entry *entry)
{
	struct hv_unmap_device_interrupt_input in = {
		.partition_id = HV_PARTITION_SELF,
		.device_id = device_id,
		.entry = *entry,
	};

	return hypercall(HV_CALL_UNMAP_DEVICE_INTERRUPT, &in, sizeof(in), NULL, 0);
}
