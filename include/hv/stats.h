/* SPDX-License-Identifier: MIT */
/*
 * Counters of a virtual processor, as an array of u64 in the page that
 * HvCallMapStatsPage gives for HV_STATS_OBJECT_VP. Numbers up to 199 are the
 * TLFS's where it has the counter; those from 256 on are ours: per kind of
 * exit a count and the cycles (TSC ticks) spent outside the guest for it.
 * Written by the hypervisor on the VP's processor, read by the root at any
 * time; a single counter is never torn.
 */
#pragma once

#include "base/types.h"

#define HV_VP_COUNTER_TOTAL_RUN_TIME     1u /* TSC ticks inside the guest and for it */
#define HV_VP_COUNTER_HYPERVISOR_TIME    2u
#define HV_VP_COUNTER_MIGRATIONS         45u /* that it ran on another processor than before */
#define HV_VP_COUNTER_VIRTUAL_INTERRUPTS 59u
#define HV_VP_COUNTER_EXITS              256u /* + 2 * kind: count, + 1: cycles */
#define HV_VP_COUNTER_MAX                512u

/* Kinds of exits; the names are in exit_kind_names of both images. */
#define EXIT_KINDS(X)                           \
	X(NONE, "none")                         \
	X(INTERRUPT, "external interrupt")      \
	X(NMI, "nmi")                           \
	X(INTERRUPT_WINDOW, "interrupt window") \
	X(NMI_WINDOW, "nmi window")             \
	X(CPUID, "cpuid")                       \
	X(HLT, "hlt")                           \
	X(HYPERCALL, "hypercall")               \
	X(RDMSR, "rdmsr")                       \
	X(WRMSR, "wrmsr")                       \
	X(IO, "io")                             \
	X(SLAT_FAULT, "second-level fault")     \
	X(CR_ACCESS, "control register")        \
	X(XSETBV, "xsetbv")                     \
	X(EXCEPTION, "exception")               \
	X(TRIPLE_FAULT, "triple fault")         \
	X(CACHE, "wbinvd or invd")              \
	X(FORBIDDEN, "forbidden instruction")   \
	X(PREEMPT, "preempted")                 \
	X(INTERNAL, "internal")                 \
	X(ENTRY_FAILED, "entry failed")

#define EXIT_KIND_ENUM(id, name) EXIT_##id,
enum exit_kind { EXIT_KINDS(EXIT_KIND_ENUM) EXIT_KIND_COUNT };
#undef EXIT_KIND_ENUM
