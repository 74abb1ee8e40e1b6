/* SPDX-License-Identifier: MIT */
/*
 * cpus: a process bound to a processor is there by getcpu and by its APIC
 * id, and processes on all of them at once get on.
 */
#include "tests/linux/lib/program.h"
#include "x86/cpu.h"

#define ROUNDS 200u

static u32 apic_id(void)
{
	return cpuid(1, 0).ebx >> 24;
}

/* Whether each processor is the one that was chosen, with an APIC id of its own. */
static bool look(u64 cpus, u32 *bad)
{
	u64 seen[4] = { 0, 0, 0, 0 };

	for (u32 cpu = 0; cpu < CPUS_MAX; cpu++) {
		u32 id;

		if (!(cpus >> cpu & 1))
			continue;
		*bad = cpu;
		run_on(BIT(cpu));
		id = apic_id();
		if (cpu_now() != cpu || (seen[id / 64] >> id % 64 & 1))
			return false;
		seen[id / 64] |= BIT(id % 64);
	}
	return true;
}

/* A process per processor, each wandering over all of them. */
static u32 wander(u64 cpus)
{
	u32 children = 0, bad;

	for (u32 cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!(cpus >> cpu & 1))
			continue;
		if (split() == 0) {
			for (u32 i = 0; i < ROUNDS; i++) {
				if (!look(cpus, &bad))
					leave(1);
			}
			leave(0);
		}
		children++;
	}
	return wait_for_all(children);
}

int program_main(u32 count, const u64 *numbers)
{
	u64 cpus = cpus_allowed();
	u32 bad = 0, lost;

	(void)count;
	(void)numbers;
	if (!look(cpus, &bad))
		return verdict("cpus", false, "processor %u is not where it should be", bad);
	lost = wander(cpus);
	return verdict("cpus", lost == 0, "%u processes saw a wrong one", lost);
}
