/* SPDX-License-Identifier: MIT */
/*
 * Messages to a child's parent. A message is built in the VP's intercept page
 * where the parent mapped one, and then the SynIC carries only the VP's number;
 * else in the SynIC message itself. On the child VP's processor, interrupts
 * off, state loaded.
 */
#include "hypervisor/intercept.h"

#include "hv/message.h"
#include "hv/vp.h"
#include "hypervisor/cpu.h"
#include "hypervisor/guest.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/atomic.h"
#include "x86/desc.h"

static struct hv_message *message_of(struct vp *vp)
{
	return vp->intercept_page ? vp->intercept_page : &vp->intercept.message;
}

/* Begins a message of @type; gives its payload, cleared. */
static void *begin(struct vp *vp, enum hv_message_type type, u8 size)
{
	struct hv_message *m = message_of(vp);

	m->header = (struct hv_message_header){
		.type = type,
		.size = size,
		.sender = vp->partition->id,
	};
	memset(m->payload, 0, ALIGN_UP(size, 8));
	return m->payload;
}

/* What all messages of an instruction begin with. */
static void header(struct vp *vp, u8 length, u8 access, struct hv_intercept_header *h)
{
	virt->intercept_header(vp, h);
	h->vp_index = vp->index;
	h->length_cr8 = (u8)(length | virt->tpr(vp) << 4);
	h->access = access;
	if (vp->event.valid)
		h->execution |= HV_EXECUTION_PENDING;
	h->rip = vp->regs.rip;
	h->rflags = vp->regs.rflags;
}

/* All of the register page, while its VP waits. */
static void register_page_fill(struct vp *vp)
{
	struct hv_register_page *page = vp->register_page;

	page->dirty = 0;
	memcpy(page->gpr, vp->regs.gpr, sizeof(page->gpr));
	page->rip = vp->regs.rip;
	page->rflags = vp->regs.rflags;
	page->cr8 = virt->tpr(vp);
	page->xfem = vp->xcr0;
	virt->register_page(vp, page);
	page->valid = 1;
}

/* The message is whole: the VP waits from here on, and leaves its processor. */
static void end(struct vp *vp)
{
	struct hv_message *opaque = &vp->intercept.message;

	trace(TRACE_INTERCEPT, vp, message_of(vp)->header.type, vp->regs.rip);
	if (vp->register_page)
		register_page_fill(vp);
	if (vp->intercept_page) {
		opaque->header = (struct hv_message_header){
			.type = HV_MESSAGE_OPAQUE_INTERCEPT,
			.size = sizeof(struct hv_opaque_intercept),
			.sender = vp->partition->id,
		};
		opaque->payload[0] = vp->index;
	}
	vp->intercept_waits = true;
	atomic_fetch_or(&vp->stop, (u32)VP_STOP_INTERCEPT);
}

static void segment(struct vp *vp, u32 name, struct hv_segment *out)
{
	union hv_register_value v;

	if (virt->get(vp, name, &v) == HV_STATUS_SUCCESS)
		*out = v.segment;
}

static void io_string(struct vp *vp, struct hv_io_intercept *m)
{
	m->access = (u8)(m->access | HV_IO_STRING);
	m->byte_count = guest_code(vp, m->bytes);
	segment(vp, HV_X64_REGISTER_DS, &m->ds);
	segment(vp, HV_X64_REGISTER_ES, &m->es);
	m->rcx = vp->regs.gpr[GPR_RCX];
	m->rsi = vp->regs.gpr[GPR_RSI];
	m->rdi = vp->regs.gpr[GPR_RDI];
}

void intercept_io(struct vp *vp, const struct exit *exit)
{
	struct hv_io_intercept *m;
	u8 length;

	if (!vp_length(vp, exit, &length))
		return;
	m = begin(vp, HV_MESSAGE_IO_PORT, sizeof(*m));
	header(vp, length, (u8)(exit->io.in ? HV_ACCESS_READ : HV_ACCESS_WRITE), &m->header);
	m->port = exit->io.port;
	m->access = exit->io.size;
	m->rax = vp->regs.gpr[GPR_RAX];
	if (exit->io.string)
		io_string(vp, m);
	if (exit->io.rep)
		m->access = (u8)(m->access | HV_IO_REP);
	end(vp);
}

static u8 access_of(u32 access)
{
	if (access & ACCESS_EXEC)
		return HV_ACCESS_EXECUTE;
	return access & ACCESS_WRITE ? HV_ACCESS_WRITE : HV_ACCESS_READ;
}

void intercept_memory(struct vp *vp, const struct exit *exit)
{
	struct slat_mapping below;
	bool mapped = slat_lookup(&vp->partition->slat, exit->slat.gpa, &below);
	struct hv_memory_intercept *m =
		begin(vp, mapped ? HV_MESSAGE_GPA_INTERCEPT : HV_MESSAGE_UNMAPPED_GPA, sizeof(*m));

	header(vp, 0, access_of(exit->slat.access), &m->header);
	m->cache_type = MEMTYPE_WB;
	m->tpr = (u8)(virt->tpr(vp) << 4);
	m->gpa = exit->slat.gpa.a;
	/* Not every processor tells the address, but whether it is a table's they all do. */
	if (!exit->slat.walk)
		m->info = HV_MEMORY_GVA_GPA_VALID;
	if (exit->slat.gva_valid) {
		m->gva = exit->slat.gva.a;
		m->info = (u8)(m->info | HV_MEMORY_GVA_VALID);
	}
	/* Of an access that an instruction makes; there is none to show of a fetch. */
	if (!exit->slat.walk && !vp->event.valid && !(exit->slat.access & ACCESS_EXEC))
		m->byte_count = guest_code(vp, m->bytes);
	end(vp);
}

bool intercept_msr(struct vp *vp, const struct exit *exit, u8 length, bool write)
{
	u8 wanted = write ? HV_INTERCEPT_WRITE : HV_INTERCEPT_READ;
	struct hv_msr_intercept *m;

	if (!(vp->partition->intercepts.msr & wanted) &&
		!(write && policy_msr_tells_parent(vp, exit->msr.msr)))
		return false;
	m = begin(vp, HV_MESSAGE_MSR, sizeof(*m));
	header(vp, length, write ? HV_ACCESS_WRITE : HV_ACCESS_READ, &m->header);
	m->msr = exit->msr.msr;
	m->rdx = vp->regs.gpr[GPR_RDX];
	m->rax = vp->regs.gpr[GPR_RAX];
	end(vp);
	return true;
}

static bool cpuid_wanted(const struct partition_intercepts *i, u32 leaf)
{
	for (u32 n = 0; n < i->cpuid_count; n++)
		if (i->cpuid[n] == leaf)
			return true;
	return false;
}

bool intercept_cpuid(struct vp *vp, const struct exit *exit)
{
	const u64 *gpr = vp->regs.gpr;
	struct cpuid_regs *r = &vp->cpuid;
	struct hv_cpuid_intercept *m;
	u8 length;

	if (!cpuid_wanted(&vp->partition->intercepts, (u32)gpr[GPR_RAX]))
		return false;
	if (!vp_length(vp, exit, &length))
		return true;
	policy_cpuid(vp, (u32)gpr[GPR_RAX], (u32)gpr[GPR_RCX], r);
	m = begin(vp, HV_MESSAGE_CPUID, sizeof(*m));
	header(vp, length, HV_ACCESS_EXECUTE, &m->header);
	m->rax = gpr[GPR_RAX];
	m->rcx = gpr[GPR_RCX];
	m->rdx = gpr[GPR_RDX];
	m->rbx = gpr[GPR_RBX];
	m->default_rax = r->eax;
	m->default_rcx = r->ecx;
	m->default_rdx = r->edx;
	m->default_rbx = r->ebx;
	end(vp);
	return true;
}

static u8 exception_info(const struct exit *exit)
{
	u8 vector = exit->exception.vector;

	/* INT3 and INTO: nothing else has these vectors. */
	if (vector == VEC_BP || vector == VEC_OF)
		return HV_EXCEPTION_SOFTWARE;
	return exit->exception.has_error ? HV_EXCEPTION_HAS_ERROR : 0;
}

bool intercept_exception(struct vp *vp, const struct exit *exit)
{
	struct hv_exception_intercept *m;

	m = begin(vp, HV_MESSAGE_EXCEPTION, sizeof(*m));
	header(vp, 0, HV_ACCESS_EXECUTE, &m->header);
	m->vector = exit->exception.vector;
	m->info = exception_info(exit);
	m->error = exit->exception.error;
	m->parameter = exit->exception.address;
	m->byte_count = guest_code(vp, m->bytes);
	segment(vp, HV_X64_REGISTER_DS, &m->ds);
	segment(vp, HV_X64_REGISTER_SS, &m->ss);
	memcpy(m->gpr, vp->regs.gpr, sizeof(m->gpr));
	end(vp);
	return true;
}

void intercept_halt(struct vp *vp)
{
	struct hv_intercept_header *h = begin(vp, HV_MESSAGE_HALT, sizeof(*h));

	header(vp, 0, HV_ACCESS_EXECUTE, h);
	end(vp);
}

void intercept_triple_fault(struct vp *vp)
{
	struct hv_intercept_header *h = begin(vp, HV_MESSAGE_TRIPLE_FAULT, sizeof(*h));

	header(vp, 0, HV_ACCESS_EXECUTE, h);
	end(vp);
}

void intercept_invalid_state(struct vp *vp)
{
	struct hv_invalid_register *m = begin(vp, HV_MESSAGE_INVALID_REGISTER, sizeof(*m));

	m->vp_index = vp->index;
	end(vp);
}

struct vp *intercept_receiver(const struct vp *vp)
{
	/* The root VP that ran here, or will: it is the nearest. */
	struct vp *to = vp->cpu->root_vp;

	/* A root that does not use all its processors still hears of it. */
	return likely(synic_is_open(&to->synic, INTERCEPT_SINT)) ? to : root_partition->vps[0];
}

void intercept_post(struct vp *vp)
{
	vp->intercept_waits = false;
	synic_post(intercept_receiver(vp), INTERCEPT_SINT, &vp->intercept);
}
