/* SPDX-License-Identifier: MIT */
/*
 * Base types and the few macros that every file uses.
 * Owns nothing at run time; compiles on the host as well as in both images.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* A keyword from C23 on; gcc 12 and clang 14 know the older spelling. */
#ifndef static_assert
#define static_assert _Static_assert
#endif

#define BIT(n)        ((u64)1 << (n))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Address arithmetic for powers of two. */
#define ALIGN_DOWN(x, a)                ((x) & ~((u64)(a)-1))
#define ALIGN_UP(x, a)                  ALIGN_DOWN((u64)(x) + ((u64)(a)-1), a)
#define IS_ALIGNED(x, a)                (((u64)(x) & ((u64)(a)-1)) == 0)

#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define KIB                             ((u64)1024)
#define MIB                             (1024 * KIB)
#define GIB                             (1024 * MIB)

#define PAGE_SHIFT                      12u
#define PAGE_SIZE                       ((u64)4096)
#define PAGE_MASK                       (PAGE_SIZE - 1)
#define PAGE_2M                         (2 * MIB)
#define PAGE_1G                         (1 * GIB)

#define __packed                        __attribute__((packed))
#define __aligned(n)                    __attribute__((aligned(n)))
#define __section(s)                    __attribute__((section(s), used))
#define __printf(fmt, args)             __attribute__((format(printf, fmt, args)))

#define likely(x)                       __builtin_expect(!!(x), 1)
#define unlikely(x)                     __builtin_expect(!!(x), 0)

/* A compiler barrier; it orders nothing between processors. */
#define barrier() __asm__ volatile("" ::: "memory")
/* One plain load or store that the compiler may neither repeat nor tear. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
