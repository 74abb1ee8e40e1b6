/* SPDX-License-Identifier: MIT */
/*
 * The shared object that the kernel maps into each process, by which time is
 * read without a system call. Linux "vdso(7)".
 */
#pragma once

#include "base/types.h"

struct timespec;
typedef int vdso_clock_gettime(int clock, struct timespec *t);

/* Its function, by a process's auxiliary vector; NULL if there is none. */
vdso_clock_gettime *vdso_find(const u64 *auxiliary);
