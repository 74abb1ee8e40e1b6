/* SPDX-License-Identifier: MIT */
/*
 * Loading of the child: its kernel by the format that it has, its initrd and
 * command line, and the state that VP 0 begins with. Errors end the worker:
 * each is one sentence that begins with KERNEL or INITRD, the option meant.
 */
#pragma once

#include "base/types.h"
#include "lib/elf.h"
#include "rootpart/worker/place.h"
#include "worker/abi.h"
#include "x86/paging.h"

/* Loads it all. Does not return if that cannot be. */
void load_child(void);

/* A format of kernels, one per file load_*.c. */
struct loader {
	/* Whether the kernel file is of this format; *elf is opened then if it is an ELF file. */
	bool (*recognises)(void);
	void (*load)(void);
};
extern const struct loader load_multiboot;
extern const struct loader load_pvh;
extern const struct loader load_bzimage;

/* For loaders. Memory that a kernel asks for is RAM, and taken, afterwards. */

/* The ELF kernel's segments; opening it must have succeeded. */
void load_segments(const struct elf_image *elf, struct place *p);
/* @filesz bytes of the kernel file, and zeros up to @memsz. */
void load_range(struct place *p, u64 offset, u64 filesz, u64 memsz, u64 gpa);
/* The place and size of the initrd, if there is one. */
struct load_initrd {
	u64 gpa;
	u64 size; /* 0: none */
};
/* Into the highest RAM below @below, or with @low behind all that is placed, if it fits. */
struct load_initrd load_initrd(struct place *p, bool low, u64 below);
/* @size bytes of the kernel file at @offset; the place is taken. */
void load_kernel_part(u64 offset, u64 size, u64 gpa);
/* Room for @size bytes of information for the kernel, whole pages, as low as may be. */
u64 load_place_info(struct place *p, u64 size);
/* Fills it. */
void load_write(u64 gpa, const void *from, u64 size);

/* The memory map as kernels are told it, in rising order. */
#define LOAD_MAP_MAX (WORKER_REGIONS_MAX + 2)
struct load_map {
	u32 count;
	struct {
		u64 start;
		u64 size;
		u32 type; /* PVH_MEMORY_* */
	} range[LOAD_MAP_MAX];
};
void load_map(struct load_map *map);
/* The command line, terminated; its size with the terminator. */
u32 load_cmdline(char *to);

/*
 * Flat 32-bit protected mode without paging, interrupts off, as multiboot and
 * PVH have it: registers of VP 0, and the descriptors at @gdt that they say are
 * loaded.
 */
#define LOAD_GDT_SIZE 48u
void load_entry_32(u32 rip, u32 eax, u32 ebx, u64 gdt);
/* 64-bit mode with the page tables at @tables, interrupts off, as Linux has it. */
void load_entry_64(u64 rip, u64 rsi, u64 tables, u64 gdt);

/* Page tables that map the first 4 GiB to themselves, all of it writable. */
struct load_identity {
	u64 level4[PT_ENTRIES];
	u64 level3[PT_ENTRIES];
	u64 level2[4][PT_ENTRIES];
};
/* @gpa: where they will lie, at a page's beginning. */
void load_identity_fill(struct load_identity *t, u64 gpa);
