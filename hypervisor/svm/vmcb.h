/* SPDX-License-Identifier: MIT */
/*
 * The virtual machine control block, as the processor reads and writes it,
 * with the bits and exit codes in use here. No code. AMD APM volume 2,
 * appendices B (layout) and C (exit codes).
 */
#pragma once

#include "base/types.h"

struct vmcb_control {
	u32 intercept_cr; /* 15:0 reads of CR0 to CR15, 31:16 writes */
	u32 intercept_dr;
	u32 intercept_exception;
	u32 intercept_1; /* VMCB_INTERCEPT_1_* */
	u32 intercept_2;
	u32 intercept_3;
	u8 reserved_018[0x3c - 0x18];
	u16 pause_threshold;
	u16 pause_count;
	u64 iopm;
	u64 msrpm;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved_05d[3];
	u32 interrupt_control; /* VMCB_V_* */
	u32 interrupt_vector;
	u64 interrupt_state; /* VMCB_INTERRUPT_SHADOW */
	u64 exit_code;
	u64 exit_info_1;
	u64 exit_info_2;
	u64 exit_event; /* EXITINTINFO, VMCB_EVENT_* */
	u64 nested;     /* VMCB_NESTED_PAGING */
	u64 avic_bar;
	u64 ghcb;
	u64 inject; /* EVENTINJ, VMCB_EVENT_* */
	u64 nested_cr3;
	u64 lbr;
	u64 clean;
	u64 next_rip; /* 0 where the processor does not tell */
	u8 fetched;
	u8 instruction[15];
	u8 reserved_0e0[0x400 - 0xe0];
};

struct vmcb_segment {
	u16 selector;
	u16 attributes; /* descriptor bits 47:40 and 55:52, packed to 12 */
	u32 limit;
	u64 base;
};

/* In the packed attributes of CS. */
#define VMCB_SEG_LONG BIT(9)
#define VMCB_SEG_DB   BIT(10)

struct vmcb_save {
	struct vmcb_segment es;
	struct vmcb_segment cs;
	struct vmcb_segment ss;
	struct vmcb_segment ds;
	struct vmcb_segment fs;
	struct vmcb_segment gs;
	struct vmcb_segment gdtr;
	struct vmcb_segment ldtr;
	struct vmcb_segment idtr;
	struct vmcb_segment tr;
	u8 reserved_0a0[0xcb - 0xa0];
	u8 cpl;
	u8 reserved_0cc[4];
	u64 efer;
	u8 reserved_0d8[0x148 - 0xd8];
	u64 cr4;
	u64 cr3;
	u64 cr0;
	u64 dr7;
	u64 dr6;
	u64 rflags;
	u64 rip;
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;
	u8 reserved_1e0[0x1f8 - 0x1e0];
	u64 rax;
	u64 star;
	u64 lstar;
	u64 cstar;
	u64 sfmask;
	u64 kernel_gs_base;
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	u64 cr2;
	u8 reserved_248[0x268 - 0x248];
	u64 pat;
	u64 debug_control;
	u8 reserved_278[0xc00 - 0x278];
};

struct vmcb {
	struct vmcb_control control;
	struct vmcb_save save;
};

static_assert(offsetof(struct vmcb_control, pause_threshold) == 0x3c);
static_assert(offsetof(struct vmcb_control, iopm) == 0x40);
static_assert(offsetof(struct vmcb_control, msrpm) == 0x48);
static_assert(offsetof(struct vmcb_control, asid) == 0x58);
static_assert(offsetof(struct vmcb_control, tlb_control) == 0x5c);
static_assert(offsetof(struct vmcb_control, interrupt_control) == 0x60);
static_assert(offsetof(struct vmcb_control, interrupt_state) == 0x68);
static_assert(offsetof(struct vmcb_control, exit_code) == 0x70);
static_assert(offsetof(struct vmcb_control, exit_info_1) == 0x78);
static_assert(offsetof(struct vmcb_control, exit_info_2) == 0x80);
static_assert(offsetof(struct vmcb_control, exit_event) == 0x88);
static_assert(offsetof(struct vmcb_control, nested) == 0x90);
static_assert(offsetof(struct vmcb_control, inject) == 0xa8);
static_assert(offsetof(struct vmcb_control, nested_cr3) == 0xb0);
static_assert(offsetof(struct vmcb_control, clean) == 0xc0);
static_assert(offsetof(struct vmcb_control, next_rip) == 0xc8);
static_assert(sizeof(struct vmcb_control) == 0x400);
static_assert(sizeof(struct vmcb_segment) == 16);
static_assert(offsetof(struct vmcb_save, gdtr) == 0x60);
static_assert(offsetof(struct vmcb_save, tr) == 0x90);
static_assert(offsetof(struct vmcb_save, cpl) == 0xcb);
static_assert(offsetof(struct vmcb_save, efer) == 0xd0);
static_assert(offsetof(struct vmcb_save, cr4) == 0x148);
static_assert(offsetof(struct vmcb_save, rip) == 0x178);
static_assert(offsetof(struct vmcb_save, rsp) == 0x1d8);
static_assert(offsetof(struct vmcb_save, rax) == 0x1f8);
static_assert(offsetof(struct vmcb_save, kernel_gs_base) == 0x220);
static_assert(offsetof(struct vmcb_save, cr2) == 0x240);
static_assert(offsetof(struct vmcb_save, pat) == 0x268);
static_assert(offsetof(struct vmcb_save, debug_control) == 0x270);
static_assert(sizeof(struct vmcb) == 4096);

#define VMCB_CR_WRITE(n)            BIT(16 + (n))

#define VMCB_INTERCEPT_1_INTR       BIT(0)
#define VMCB_INTERCEPT_1_NMI        BIT(1)
#define VMCB_INTERCEPT_1_INIT       BIT(3)
#define VMCB_INTERCEPT_1_VINTR      BIT(4)
#define VMCB_INTERCEPT_1_RDPMC      BIT(15)
#define VMCB_INTERCEPT_1_CPUID      BIT(18)
#define VMCB_INTERCEPT_1_IRET       BIT(20)
#define VMCB_INTERCEPT_1_INVD       BIT(22)
#define VMCB_INTERCEPT_1_HLT        BIT(24)
#define VMCB_INTERCEPT_1_INVLPGA    BIT(26)
#define VMCB_INTERCEPT_1_IO         BIT(27)
#define VMCB_INTERCEPT_1_MSR        BIT(28)
#define VMCB_INTERCEPT_1_SHUTDOWN   BIT(31)

#define VMCB_INTERCEPT_2_VMRUN      BIT(0)
#define VMCB_INTERCEPT_2_VMMCALL    BIT(1)
#define VMCB_INTERCEPT_2_VMLOAD     BIT(2)
#define VMCB_INTERCEPT_2_VMSAVE     BIT(3)
#define VMCB_INTERCEPT_2_STGI       BIT(4)
#define VMCB_INTERCEPT_2_CLGI       BIT(5)
#define VMCB_INTERCEPT_2_SKINIT     BIT(6)
#define VMCB_INTERCEPT_2_MONITOR    BIT(10)
#define VMCB_INTERCEPT_2_MWAIT      BIT(11)
#define VMCB_INTERCEPT_2_MWAIT_COND BIT(12)
#define VMCB_INTERCEPT_2_XSETBV     BIT(13)

#define VMCB_TLB_FLUSH_ALL          1u

#define VMCB_V_TPR                  0xffu
#define VMCB_V_IRQ                  BIT(8)
#define VMCB_V_PRIORITY(p)          ((u32)(p) << 16)
#define VMCB_V_PRIORITY_MASK        VMCB_V_PRIORITY(0xf)
#define VMCB_V_IGNORE_TPR           BIT(20)
#define VMCB_V_MASKING              BIT(24)

#define VMCB_INTERRUPT_SHADOW       BIT(0)
#define VMCB_NESTED_PAGING          BIT(0)

/* Events: EVENTINJ and EXITINTINFO. The types are those of enum event_type. */
#define VMCB_EVENT_VECTOR(e) ((u8)(e))
#define VMCB_EVENT_TYPE(e)   ((u8)((e) >> 8 & 7))
#define VMCB_EVENT_ERROR     BIT(11)
#define VMCB_EVENT_VALID     BIT(31)

/* EXITINFO1 of I/O exits. */
#define VMCB_IO_IN      BIT(0)
#define VMCB_IO_STRING  BIT(2)
#define VMCB_IO_REP     BIT(3)
#define VMCB_IO_SIZE(i) ((u8)((i) >> 4 & 7)) /* 1, 2 or 4 */
#define VMCB_IO_PORT(i) ((u16)((i) >> 16))

/* EXITINFO1 of control register exits, with decode assists. */
#define VMCB_CR_DECODED BIT(63)
#define VMCB_CR_GPR(i)  ((u8)((i)&0xf))

/* EXITINFO1 of nested page faults: a page-fault error code, and where. */
#define VMCB_NPF_WALK BIT(33)

enum vmcb_exit {
	VMEXIT_CR0_WRITE = 0x10,
	VMEXIT_CR3_WRITE = 0x13,
	VMEXIT_CR4_WRITE = 0x14,
	VMEXIT_CR8_WRITE = 0x18,
	VMEXIT_EXCEPTION = 0x40, /* + vector */
	VMEXIT_INTR = 0x60,
	VMEXIT_NMI = 0x61,
	VMEXIT_INIT = 0x63,
	VMEXIT_VINTR = 0x64,
	VMEXIT_RDPMC = 0x6f,
	VMEXIT_CPUID = 0x72,
	VMEXIT_IRET = 0x74,
	VMEXIT_INVD = 0x76,
	VMEXIT_HLT = 0x78,
	VMEXIT_INVLPGA = 0x7a,
	VMEXIT_IO = 0x7b,
	VMEXIT_MSR = 0x7c,
	VMEXIT_SHUTDOWN = 0x7f,
	VMEXIT_VMRUN = 0x80,
	VMEXIT_VMMCALL = 0x81,
	VMEXIT_VMLOAD = 0x82,
	VMEXIT_VMSAVE = 0x83,
	VMEXIT_STGI = 0x84,
	VMEXIT_CLGI = 0x85,
	VMEXIT_SKINIT = 0x86,
	VMEXIT_MONITOR = 0x8a,
	VMEXIT_MWAIT = 0x8b,
	VMEXIT_MWAIT_COND = 0x8c,
	VMEXIT_XSETBV = 0x8d,
	VMEXIT_NPF = 0x400,
};

/* Low half only: some processors do not extend the sign. */
#define VMEXIT_INVALID 0xffffffffu
