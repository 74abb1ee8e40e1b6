/* SPDX-License-Identifier: MIT */
/*
 * Segment descriptors, gates, the 64-bit TSS and their registers.
 * Intel SDM volume 3, chapters 3, 6 and 7.
 */
#pragma once

#include "base/types.h"

#define SEL_CODE         0x08u
#define SEL_DATA         0x10u
#define SEL_USER_DATA    0x1bu
#define SEL_USER_CODE    0x23u
#define SEL_TSS          0x28u

#define DESC_CODE64      0x00af9b000000ffffull
#define DESC_DATA        0x00cf93000000ffffull
#define DESC_USER_DATA   0x00cff3000000ffffull
#define DESC_USER_CODE64 0x00affb000000ffffull

struct desc_ptr {
	u16 limit;
	u64 base;
} __packed;

struct idt_gate {
	u16 offset_low;
	u16 selector;
	u8 ist;
	u8 type; /* 0x8e: interrupt gate, present, DPL 0 */
	u16 offset_mid;
	u32 offset_high;
	u32 reserved;
};

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7]; /* IST1 first */
	u64 reserved2;
	u16 reserved3;
	u16 iomap_base;
} __packed;

static_assert(sizeof(struct idt_gate) == 16);
static_assert(sizeof(struct tss) == 104);

/* Vectors of exceptions. */
enum {
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_OF = 4,
	VEC_BR = 5,
	VEC_UD = 6,
	VEC_NM = 7,
	VEC_DF = 8,
	VEC_TS = 10,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MF = 16,
	VEC_AC = 17,
	VEC_MC = 18,
	VEC_XM = 19,
	VEC_VE = 20,
	VEC_CP = 21,
	VEC_EXCEPTIONS = 32,
};

static inline void gdt_load(const struct desc_ptr *p)
{
	__asm__ volatile("lgdt %0" : : "m"(*p));
}

static inline void idt_load(const struct desc_ptr *p)
{
	__asm__ volatile("lidt %0" : : "m"(*p));
}

static inline void tr_load(u16 sel)
{
	__asm__ volatile("ltr %0" : : "r"(sel));
}

static inline void ldt_load(u16 sel)
{
	__asm__ volatile("lldt %0" : : "r"(sel));
}

static inline void idt_store(struct desc_ptr *p)
{
	__asm__ volatile("sidt %0" : "=m"(*p));
}

/* Reloads CS with SEL_CODE and the data segments with SEL_DATA. */
static inline void segments_reload(void)
{
	__asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:\n\t"
			 "movl %1, %%eax; movl %%eax, %%ds; movl %%eax, %%es; movl %%eax, %%ss\n\t"
			 "xorl %%eax, %%eax; movl %%eax, %%fs; movl %%eax, %%gs"
			 :
			 : "i"(SEL_CODE), "i"(SEL_DATA)
			 : "rax", "memory");
}
