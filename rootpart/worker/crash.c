/* SPDX-License-Identifier: MIT */
/*
 * Crashes. All that the guest tells is hostile: its text is read once, from
 * RAM only, and what is no printable character or end of a line is a blank.
 */
#include "rootpart/worker/crash.h"

#include "hv/msr.h"
#include "lib/string.h"
#include "rootpart/worker/memory.h"
#include "rootpart/worker/report.h"
#include "rootpart/worker/sys.h"

static void clean(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n')
			text[i] = ' ';
}

/* Bytes of the text at P3; none if it is not all in RAM. */
static size_t read_text(const u64 *parameter, u64 control, char *text)
{
	u64 size = MIN(parameter[4], WORKER_CRASH_TEXT);
	const void *from;

	if (!(control & HV_CRASH_MESSAGE) || size == 0)
		return 0;
	from = memory_at(parameter[3], size, MEMORY_READ);
	if (from == NULL)
		return 0;
	memcpy(text, from, size);
	clean(text, size);
	return size;
}

void crash_tell(const struct vp *vp, u64 control)
{
	static char text[WORKER_CRASH_TEXT];
	union hv_register_value values[HV_CRASH_PARAMETERS];
	u32 names[HV_CRASH_PARAMETERS];
	u64 p[HV_CRASH_PARAMETERS];

	for (u32 i = 0; i < HV_CRASH_PARAMETERS; i++)
		names[i] = HV_X64_REGISTER_CRASH_P0 + i;
	if (sys_get_registers(vp->index, names, HV_CRASH_PARAMETERS, values) != 0)
		report_failure("VP %u is not stopped", vp->index);
	for (u32 i = 0; i < HV_CRASH_PARAMETERS; i++)
		p[i] = values[i].u64;
	report("VP %u: the guest crashed: 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx", vp->index, p[0], p[1],
		p[2], p[3], p[4]);
	sys_crash(p, text, read_text(p, control, text));
}
