/* SPDX-License-Identifier: MIT */
/*
 * Accesses to ports. Privilege was checked by the processor before it stopped
 * the VP. Intel SDM volume 2, IN, OUT, INS, OUTS.
 */
#include "base/errno.h"
#include "lib/mmio_emulate.h"
#include "rootpart/worker/console.h"
#include "rootpart/worker/intercept.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/ports.h"
#include "rootpart/worker/report.h"

#define RAX 0

/* INS and OUTS: of them the message leaves address size and segment to us. */
static void string_io(struct vp *vp, const struct hv_io_intercept *io)
{
	struct vp_fault fault;
	struct insn insn;
	int err = vp_decode(vp, io->bytes, io->byte_count, &insn, &fault);
	bool is_io =
		err == 0 && insn.map == INSN_MAP_1B && insn.opcode >= 0x6c && insn.opcode <= 0x6f;

	if (err == -EFAULT)
		vp_inject_fault(vp, &fault);
	else if (!is_io || string_run(vp, &insn, io->port) != 0)
		intercept_refuse(vp, "string instruction on a port", io->bytes);
}

/* Bytes of the instruction. 0: it could not be found out, and was dealt with. */
static u8 length_of(struct vp *vp, const struct hv_io_intercept *io)
{
	struct vp_fault fault;
	struct insn insn;

	if (HV_INTERCEPT_LENGTH(&io->header))
		return HV_INTERCEPT_LENGTH(&io->header);
	switch (vp_decode(vp, io->bytes, io->byte_count, &insn, &fault)) {
	case 0:
		return insn.length;
	case -EFAULT:
		vp_inject_fault(vp, &fault);
		return 0;
	default:
		intercept_refuse(vp, "instruction on a port", io->bytes);
		return 0;
	}
}

static void single_io(struct vp *vp, const struct hv_io_intercept *io, u8 size)
{
	u64 *rax = &vp->regs->gpr[RAX];
	u8 length = length_of(vp, io);

	if (length == 0)
		return;
	if (io->header.access == HV_ACCESS_WRITE) {
		port_write(&machine, io->port, size, (u32)*rax);
		console_settle();
	} else {
		*rax = mmio_merge(*rax, port_read(&machine, io->port, size), size);
		vp_gprs_changed(vp);
	}
	vp_advance(vp, length);
}

/* What the child asked for by writing to a port. */
static void wish_grant(u32 vp)
{
	switch (machine.power.wish) {
	case POWER_OFF:
		report_end(WORKER_END_POWEROFF, "VP %u switched the machine off", vp);
	case POWER_RESET:
		report_end(WORKER_END_RESET, "VP %u reset the machine", vp);
	default:
		break;
	}
}

void intercept_io(struct vp *vp, const void *payload)
{
	const struct hv_io_intercept *io = payload;
	u8 size = HV_IO_SIZE(io->access);

	if (size != 1 && size != 2 && size != 4)
		report_failure("VP %u: port access of %u bytes", vp->index, size);
	if (io->access & HV_IO_STRING)
		string_io(vp, io);
	else
		single_io(vp, io, size);
	wish_grant(vp->index);
}
