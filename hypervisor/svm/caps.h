/* SPDX-License-Identifier: MIT */
/*
 * Whether a processor's AMD-V can carry us, as a pure decision on the values
 * that it reports, so that tests can make them up. AMD APM volume 2, 15.4.
 */
#pragma once

#include "base/types.h"

struct svm_caps {
	u32 max_extended_leaf; /* CPUID 8000_0000h EAX */
	u32 extended_ecx;      /* CPUID 8000_0001h ECX */
	u64 vm_cr;             /* MSR VM_CR; 0 if there is no SVM */
	u32 asids;             /* CPUID 8000_000Ah EBX */
	u32 features;          /* CPUID 8000_000Ah EDX */
};

/* Reads the calling processor's. */
void svm_caps_read(struct svm_caps *caps);

/* NULL if usable, else the line for people: what is missing, what to do. */
const char *svm_caps_unsupported(const struct svm_caps *caps);

/*
 * Whether the processor is QEMU's own. It remembers the vector of an injected
 * external interrupt until the next exit, and delivers it once more, whatever
 * RFLAGS.IF says, if its main loop stops it before; in deterministic mode each
 * timer does. An exit right after the injection makes it forget.
 */
bool svm_caps_delivers_twice(void);
