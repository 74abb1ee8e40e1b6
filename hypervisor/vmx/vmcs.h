/* SPDX-License-Identifier: MIT */
/*
 * Numbers of VT-x: fields of the VMCS (SDM volume 3, appendix B), bits of its
 * control fields (chapter 25), exit reasons (appendix C) and capabilities
 * (appendix A). Only those that the back end uses or prints. Nothing but
 * macros, so that run.S can include it.
 */
#pragma once

/* 16-bit fields. Guest segments: ES CS SS DS FS GS LDTR TR, two apart. */
#define VMCS_VPID              0x0000
#define VMCS_GUEST_ES_SELECTOR 0x0800
#define VMCS_GUEST_CS_SELECTOR 0x0802
#define VMCS_GUEST_SS_SELECTOR 0x0804
#define VMCS_GUEST_DS_SELECTOR 0x0806
#define VMCS_GUEST_FS_SELECTOR 0x0808
#define VMCS_GUEST_GS_SELECTOR 0x080a
#define VMCS_GUEST_LDTR        0x080c
#define VMCS_GUEST_TR          0x080e
#define VMCS_HOST_ES           0x0c00
#define VMCS_HOST_CS           0x0c02
#define VMCS_HOST_SS           0x0c04
#define VMCS_HOST_DS           0x0c06
#define VMCS_HOST_FS           0x0c08
#define VMCS_HOST_GS           0x0c0a
#define VMCS_HOST_TR           0x0c0c

/* 64-bit fields. */
#define VMCS_IO_BITMAP_A    0x2000
#define VMCS_IO_BITMAP_B    0x2002
#define VMCS_MSR_BITMAP     0x2004
#define VMCS_TSC_OFFSET     0x2010
#define VMCS_VAPIC_PAGE     0x2012
#define VMCS_EPTP           0x201a
#define VMCS_GUEST_PHYSICAL 0x2400
#define VMCS_LINK_POINTER   0x2800
#define VMCS_GUEST_DEBUGCTL 0x2802
#define VMCS_GUEST_PAT      0x2804
#define VMCS_GUEST_EFER     0x2806
#define VMCS_GUEST_PDPTE(n) (0x280a + 2 * (n))
#define VMCS_HOST_PAT       0x2c00
#define VMCS_HOST_EFER      0x2c02

/* 32-bit fields. */
#define VMCS_PIN_CONTROLS       0x4000
#define VMCS_PROC_CONTROLS      0x4002
#define VMCS_EXCEPTION_BITMAP   0x4004
#define VMCS_PF_ERROR_MASK      0x4006
#define VMCS_PF_ERROR_MATCH     0x4008
#define VMCS_CR3_TARGETS        0x400a
#define VMCS_EXIT_CONTROLS      0x400c
#define VMCS_EXIT_MSR_STORES    0x400e
#define VMCS_EXIT_MSR_LOADS     0x4010
#define VMCS_ENTRY_CONTROLS     0x4012
#define VMCS_ENTRY_MSR_LOADS    0x4014
#define VMCS_ENTRY_EVENT        0x4016
#define VMCS_ENTRY_EVENT_ERROR  0x4018
#define VMCS_ENTRY_EVENT_LENGTH 0x401a
#define VMCS_TPR_THRESHOLD      0x401c
#define VMCS_PROC2_CONTROLS     0x401e
#define VMCS_INSTRUCTION_ERROR  0x4400
#define VMCS_EXIT_REASON        0x4402
#define VMCS_EXIT_EVENT         0x4404
#define VMCS_EXIT_EVENT_ERROR   0x4406
#define VMCS_VECTORING          0x4408
#define VMCS_VECTORING_ERROR    0x440a
#define VMCS_EXIT_LENGTH        0x440c
#define VMCS_EXIT_INSTRUCTION   0x440e
#define VMCS_GUEST_ES_LIMIT     0x4800
#define VMCS_GUEST_GDTR_LIMIT   0x4810
#define VMCS_GUEST_IDTR_LIMIT   0x4812
#define VMCS_GUEST_ES_RIGHTS    0x4814
#define VMCS_GUEST_CS_RIGHTS    0x4816
#define VMCS_GUEST_SS_RIGHTS    0x4818
#define VMCS_INTERRUPTIBILITY   0x4824
#define VMCS_ACTIVITY           0x4826
#define VMCS_GUEST_SYSENTER_CS  0x482a
#define VMCS_GUEST_TIMER        0x482e
#define VMCS_HOST_SYSENTER_CS   0x4c00

/* Natural-width fields. */
#define VMCS_CR0_MASK           0x6000
#define VMCS_CR4_MASK           0x6002
#define VMCS_CR0_SHADOW         0x6004
#define VMCS_CR4_SHADOW         0x6006
#define VMCS_QUALIFICATION      0x6400
#define VMCS_GUEST_LINEAR       0x640a
#define VMCS_GUEST_CR0          0x6800
#define VMCS_GUEST_CR3          0x6802
#define VMCS_GUEST_CR4          0x6804
#define VMCS_GUEST_ES_BASE      0x6806
#define VMCS_GUEST_CS_BASE      0x6808
#define VMCS_GUEST_GDTR_BASE    0x6816
#define VMCS_GUEST_IDTR_BASE    0x6818
#define VMCS_GUEST_DR7          0x681a
#define VMCS_GUEST_RSP          0x681c
#define VMCS_GUEST_RIP          0x681e
#define VMCS_GUEST_RFLAGS       0x6820
#define VMCS_PENDING_DEBUG      0x6822
#define VMCS_GUEST_SYSENTER_ESP 0x6824
#define VMCS_GUEST_SYSENTER_EIP 0x6826
#define VMCS_HOST_CR0           0x6c00
#define VMCS_HOST_CR3           0x6c02
#define VMCS_HOST_CR4           0x6c04
#define VMCS_HOST_FS_BASE       0x6c06
#define VMCS_HOST_GS_BASE       0x6c08
#define VMCS_HOST_TR_BASE       0x6c0a
#define VMCS_HOST_GDTR_BASE     0x6c0c
#define VMCS_HOST_IDTR_BASE     0x6c0e
#define VMCS_HOST_SYSENTER_ESP  0x6c10
#define VMCS_HOST_SYSENTER_EIP  0x6c12
#define VMCS_HOST_RSP           0x6c14
#define VMCS_HOST_RIP           0x6c16

/* Field of segment @i, HV_X64_REGISTER_ES + i, given the field of ES. */
#define VMCS_SEGMENT(es_field, i) ((es_field) + 2 * (i))
#define VMCS_RIGHTS_UNUSABLE      0x10000u

/* Pin-based controls, 25.6.1. */
#define PIN_EXTERNAL_INTERRUPT 0x01u
#define PIN_NMI                0x08u
#define PIN_VIRTUAL_NMIS       0x20u
#define PIN_PREEMPTION_TIMER   0x40u

/* Primary processor-based controls, 25.6.2. */
#define PROC_INTERRUPT_WINDOW 0x00000004u
#define PROC_TSC_OFFSET       0x00000008u
#define PROC_HLT              0x00000080u
#define PROC_INVLPG           0x00000200u
#define PROC_MWAIT            0x00000400u
#define PROC_RDPMC            0x00000800u
#define PROC_RDTSC            0x00001000u
#define PROC_CR3_LOAD         0x00008000u
#define PROC_CR3_STORE        0x00010000u
#define PROC_CR8_LOAD         0x00080000u
#define PROC_CR8_STORE        0x00100000u
#define PROC_TPR_SHADOW       0x00200000u
#define PROC_NMI_WINDOW       0x00400000u
#define PROC_MOV_DR           0x00800000u
#define PROC_IO_BITMAPS       0x02000000u
#define PROC_MSR_BITMAPS      0x10000000u
#define PROC_MONITOR          0x20000000u
#define PROC_PAUSE            0x40000000u
#define PROC_SECONDARY        0x80000000u

/* Secondary processor-based controls, 25.6.2. */
#define PROC2_EPT                0x0002u
#define PROC2_DESCRIPTOR_TABLES  0x0004u
#define PROC2_RDTSCP             0x0008u
#define PROC2_VPID               0x0020u
#define PROC2_WBINVD             0x0040u
#define PROC2_UNRESTRICTED_GUEST 0x0080u
#define PROC2_INVPCID            0x1000u

/* Exit controls, 25.7.1. */
#define EXIT_CTL_SAVE_DEBUG  0x000004u
#define EXIT_CTL_HOST_64     0x000200u
#define EXIT_CTL_ACKNOWLEDGE 0x008000u
#define EXIT_CTL_SAVE_PAT    0x040000u
#define EXIT_CTL_LOAD_PAT    0x080000u
#define EXIT_CTL_SAVE_EFER   0x100000u
#define EXIT_CTL_LOAD_EFER   0x200000u
#define EXIT_CTL_SAVE_TIMER  0x400000u

/* Entry controls, 25.8.1. */
#define ENTRY_CTL_LOAD_DEBUG 0x0004u
#define ENTRY_CTL_LONG_MODE  0x0200u
#define ENTRY_CTL_SMM        0x0400u
#define ENTRY_CTL_LOAD_PAT   0x4000u
#define ENTRY_CTL_LOAD_EFER  0x8000u

/* Interruption information at entry, at exit, and of vectoring: 25.8.3, 25.9.2, 25.9.3. */
#define EVENT_INFO_VECTOR(i)   ((unsigned char)(i))
#define EVENT_INFO_TYPE(i)     ((unsigned char)(((i) >> 8) & 7))
#define EVENT_INFO_ERROR       0x00000800u
#define EVENT_INFO_NMI_UNBLOCK 0x00001000u /* at exit: an IRET had ended NMI blocking */
#define EVENT_INFO_VALID       0x80000000u

/* Interruptibility state, 25.4.2. */
#define INTERRUPTIBILITY_STI    0x1u
#define INTERRUPTIBILITY_MOV_SS 0x2u
#define INTERRUPTIBILITY_SMI    0x4u
#define INTERRUPTIBILITY_NMI    0x8u
#define INTERRUPTIBILITY_SHADOW (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)

/* Qualification of an EPT violation, table 28-7. */
#define EPT_QUAL_READ        0x001u
#define EPT_QUAL_WRITE       0x002u
#define EPT_QUAL_EXEC        0x004u
#define EPT_QUAL_LINEAR      0x080u
#define EPT_QUAL_TRANSLATED  0x100u /* with LINEAR: not the guest's page walk */
#define EPT_QUAL_NMI_UNBLOCK 0x1000u

/* EPTP, 25.6.11: write-back, four levels. */
#define EPTP_WB       0x06u
#define EPTP_LEVELS_4 0x18u

/* Exit reasons, appendix C. Bit 31: the entry failed. */
#define REASON_ENTRY_FAILED        0x80000000u
#define REASON_EXCEPTION           0
#define REASON_EXTERNAL_INTERRUPT  1
#define REASON_TRIPLE_FAULT        2
#define REASON_INIT                3
#define REASON_SIPI                4
#define REASON_INTERRUPT_WINDOW    7
#define REASON_NMI_WINDOW          8
#define REASON_TASK_SWITCH         9
#define REASON_CPUID               10
#define REASON_GETSEC              11
#define REASON_HLT                 12
#define REASON_INVD                13
#define REASON_RDPMC               15
#define REASON_RSM                 17
#define REASON_VMCALL              18
#define REASON_VMCLEAR             19
#define REASON_VMLAUNCH            20
#define REASON_VMPTRLD             21
#define REASON_VMPTRST             22
#define REASON_VMREAD              23
#define REASON_VMRESUME            24
#define REASON_VMWRITE             25
#define REASON_VMXOFF              26
#define REASON_VMXON               27
#define REASON_CR_ACCESS           28
#define REASON_IO                  30
#define REASON_RDMSR               31
#define REASON_WRMSR               32
#define REASON_MWAIT               36
#define REASON_MONITOR             39
#define REASON_TPR_BELOW_THRESHOLD 43
#define REASON_EPT_VIOLATION       48
#define REASON_EPT_MISCONFIGURED   49
#define REASON_INVEPT              50
#define REASON_PREEMPTION_TIMER    52
#define REASON_INVVPID             53
#define REASON_WBINVD              54
#define REASON_XSETBV              55
#define REASON_VMFUNC              59

/* IA32_VMX_BASIC, A.1. */
#define VMX_BASIC_REVISION(b) ((unsigned int)(b)&0x7fffffffu)
#define VMX_BASIC_TRUE        (1ull << 55)

/* IA32_VMX_MISC, A.6: exits keep the entry control for long mode up to date. */
#define VMX_MISC_STORES_LMA (1ull << 5)
/* The preemption timer counts when this bit of the TSC changes. */
#define VMX_MISC_TIMER_BIT(misc) ((misc)&31)

/* IA32_VMX_EPT_VPID_CAP, A.10. */
#define EPT_CAP_LEVELS_4       (1ull << 6)
#define EPT_CAP_WB             (1ull << 14)
#define EPT_CAP_2M             (1ull << 16)
#define EPT_CAP_1G             (1ull << 17)
#define EPT_CAP_INVEPT         (1ull << 20)
#define EPT_CAP_INVEPT_CONTEXT (1ull << 25)
#define EPT_CAP_INVEPT_ALL     (1ull << 26)
#define EPT_CAP_INVVPID        (1ull << 32)
#define VPID_CAP_CONTEXT       (1ull << 41)
#define VPID_CAP_ALL           (1ull << 42)
