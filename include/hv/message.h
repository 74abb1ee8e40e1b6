/* SPDX-License-Identifier: MIT */
/*
 * SynIC messages and the intercepts that they carry. A message page has one
 * slot per SINT; a slot's type is written last and cleared by its reader.
 * TLFS 6.0b chapters 8 and 11; header bytes as Linux and OpenVMM have them.
 */
#pragma once

#include "base/types.h"
#include "hv/registers.h"

#define HV_SINT_COUNT          16u
#define HV_MESSAGE_PAYLOAD_MAX 240u

enum hv_message_type {
	HV_MESSAGE_NONE = 0,
	HV_MESSAGE_OPAQUE_INTERCEPT = 0x8000003fu, /* the message is in the VP's state page */
	HV_MESSAGE_UNMAPPED_GPA = 0x80000000u,
	HV_MESSAGE_GPA_INTERCEPT = 0x80000001u,
	HV_MESSAGE_TIMER_EXPIRED = 0x80000010u, /* hv/timer.h */
	HV_MESSAGE_INVALID_REGISTER = 0x80000020u,
	HV_MESSAGE_TRIPLE_FAULT = 0x80000021u,
	HV_MESSAGE_UNSUPPORTED_FEATURE = 0x80000022u,
	HV_MESSAGE_SINT_DELIVERABLE = 0x80000062u,
	HV_MESSAGE_IO_PORT = 0x80010000u,
	HV_MESSAGE_MSR = 0x80010001u,
	HV_MESSAGE_CPUID = 0x80010002u,
	HV_MESSAGE_EXCEPTION = 0x80010003u,
	HV_MESSAGE_APIC_EOI = 0x80010004u,
	HV_MESSAGE_HALT = 0x80010007u, /* HLT with interrupts off */
};

#define HV_MESSAGE_PENDING BIT(0) /* another one waits: write EOM after this one */

struct hv_message_header {
	u32 type;
	u8 size; /* of the payload, bytes */
	u8 flags;
	u16 reserved;
	u64 sender; /* partition id of an intercept's VP, or the port */
};

struct hv_message {
	struct hv_message_header header;
	u64 payload[HV_MESSAGE_PAYLOAD_MAX / 8];
};

struct hv_message_page {
	struct hv_message slot[HV_SINT_COUNT];
};

/* Payloads. All of a VP's own begin with this. */
#define HV_ACCESS_READ        0u
#define HV_ACCESS_WRITE       1u
#define HV_ACCESS_EXECUTE     2u
#define HV_EXECUTION_CPL(s)   ((s)&3u)
#define HV_EXECUTION_CR0_PE   BIT(2)
#define HV_EXECUTION_CR0_AM   BIT(3)
#define HV_EXECUTION_EFER_LMA BIT(4)
#define HV_EXECUTION_DEBUG    BIT(5)
#define HV_EXECUTION_PENDING  BIT(6) /* an event was under delivery */
#define HV_EXECUTION_SHADOW   BIT(12)
struct hv_intercept_header {
	u32 vp_index;
	u8 length_cr8; /* 3:0 instruction length, 0 unknown; 7:4 CR8 */
	u8 access;     /* HV_ACCESS_* */
	u16 execution; /* HV_EXECUTION_* */
	struct hv_segment cs;
	u64 rip;
	u64 rflags;
};
#define HV_INTERCEPT_LENGTH(h) ((h)->length_cr8 & 15u)

#define HV_IO_SIZE(access)     ((access)&7u) /* bytes: 1, 2, 4 */
#define HV_IO_STRING           BIT(3)
#define HV_IO_REP              BIT(4)
struct hv_io_intercept {
	struct hv_intercept_header header;
	u16 port;
	u8 access; /* HV_IO_* */
	u8 byte_count;
	u32 reserved;
	u64 rax;
	u8 bytes[16];
	struct hv_segment ds;
	struct hv_segment es;
	u64 rcx;
	u64 rsi;
	u64 rdi;
};

#define HV_MEMORY_GVA_VALID     BIT(0)
#define HV_MEMORY_GVA_GPA_VALID BIT(1)
struct hv_memory_intercept {
	struct hv_intercept_header header;
	u32 cache_type;
	u8 byte_count; /* of bytes; 0: they could not be read */
	u8 info;       /* HV_MEMORY_* */
	u8 tpr;
	u8 reserved;
	u64 gva;
	u64 gpa;
	u8 bytes[16];
};

struct hv_msr_intercept {
	struct hv_intercept_header header;
	u32 msr;
	u32 reserved;
	u64 rdx;
	u64 rax;
};

struct hv_cpuid_intercept {
	struct hv_intercept_header header;
	u64 rax, rcx, rdx, rbx;
	u64 default_rax, default_rcx, default_rdx, default_rbx;
};

#define HV_EXCEPTION_HAS_ERROR BIT(0)
#define HV_EXCEPTION_SOFTWARE  BIT(1)
struct hv_exception_intercept {
	struct hv_intercept_header header;
	u16 vector;
	u8 info; /* HV_EXCEPTION_* */
	u8 byte_count;
	u32 error;
	u64 parameter; /* #PF: the address */
	u64 reserved;
	u8 bytes[16];
	struct hv_segment ds;
	struct hv_segment ss;
	u64 gpr[16]; /* in the order of encoding */
};

struct hv_invalid_register {
	u32 vp_index;
	u32 reserved;
};

struct hv_unsupported_feature {
	u32 vp_index;
	u32 code;
	u64 parameter;
};

/* The SINTs can take a message; the VP was not stopped, of the header only its number is told. */
struct hv_sint_deliverable {
	struct hv_intercept_header header;
	u16 sints; /* bit per SINT */
	u16 reserved[3];
};

/* Of a level interrupt that the parent asserted. Not an intercept: the VP runs on. */
struct hv_apic_eoi {
	u32 vp_index;
	u32 vector;
};

struct hv_opaque_intercept {
	u32 vp_index;
};

static_assert(sizeof(struct hv_apic_eoi) == 8);
static_assert(sizeof(struct hv_message) == 256);
static_assert(offsetof(struct hv_message, payload) == 16);
static_assert(sizeof(struct hv_message_page) == 4096);
static_assert(sizeof(struct hv_intercept_header) == 40);
static_assert(offsetof(struct hv_io_intercept, rax) == 48);
static_assert(offsetof(struct hv_io_intercept, ds) == 72);
static_assert(offsetof(struct hv_io_intercept, rdi) == 120);
static_assert(offsetof(struct hv_memory_intercept, gva) == 48);
static_assert(offsetof(struct hv_memory_intercept, bytes) == 64);
static_assert(offsetof(struct hv_msr_intercept, rdx) == 48);
static_assert(offsetof(struct hv_cpuid_intercept, default_rax) == 72);
static_assert(offsetof(struct hv_exception_intercept, bytes) == 64);
static_assert(offsetof(struct hv_exception_intercept, gpr) == 112);
static_assert(offsetof(struct hv_sint_deliverable, sints) == 40);
static_assert(sizeof(struct hv_exception_intercept) == HV_MESSAGE_PAYLOAD_MAX);
