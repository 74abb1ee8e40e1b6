/* SPDX-License-Identifier: MIT */
/*
 * Code for children, to be copied into their memory, where it is position
 * independent; child_code.S. RDI is the parent's to set: a counter or a record
 * in the child's memory.
 */
#pragma once

#define CODE_NMI_HALT_HANDLER 32

#ifndef __ASSEMBLER__

#include "base/types.h"

#define CHILD_CODE_OF(name) extern const u8 name[], name##_end[]

/* Adds 1 to *RDI before each HLT, interrupts on there. */
CHILD_CODE_OF(code_halt);
/* Adds 1 to *RDI in its NMI handler, and halts there while another NMI waits. */
CHILD_CODE_OF(code_nmi_halt);
/* Adds 1 to *RDI for ever: interrupts on; off; with CPUID or call *RBX of hypercall 8 between. */
CHILD_CODE_OF(code_count);
CHILD_CODE_OF(code_count_masked);
CHILD_CODE_OF(code_count_cpuid);
CHILD_CODE_OF(code_count_call);

#endif
