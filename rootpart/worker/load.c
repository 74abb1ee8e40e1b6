/* SPDX-License-Identifier: MIT */
/*
 * Which loader it is, and what all of them do: segments, initrd, information.
 * Files are hostile: sizes and addresses come from them.
 */
#include "rootpart/worker/load.h"

#include "base/assert.h"
#include "lib/string.h"
#include "rootpart/worker/kernel_file.h"
#include "rootpart/worker/memory.h"
#include "rootpart/worker/report.h"
#include "rootpart/worker/space.h"

#define MEMORY_BELOW (4 * GIB)

#define GIVE         "give a bzImage, or a multiboot1 or PVH ELF kernel"

/* In the order of asking: a kernel may have more than one of these entries. */
static const struct loader *const loaders[] = { &load_bzimage, &load_multiboot, &load_pvh };

/* Why an ELF file is not one, or has no entry that we know. */
_Noreturn static void refuse(void)
{
	struct elf_source source = kernel_file_source();
	struct elf_image elf;
	const char *why;

	if (elf_open_source(&elf, &source, &why) == 0)
		report_failure("KERNEL: an ELF file without multiboot1 header or PVH note; " GIVE);
	report_failure("KERNEL: %s; " GIVE, why);
}

void load_child(void)
{
	u64 size = space_start()->file_size[WORKER_FILE_KERNEL];
	u8 first;

	if (size == WORKER_NO_FILE)
		report_failure("KERNEL: there is none; name one with --kernel");
	kernel_file_open(size);
	if (size > 0 && !kernel_file_read(0, &first, 1))
		report_failure("KERNEL: the file cannot be read; look at the disk");
	for (u32 i = 0; i < ARRAY_SIZE(loaders); i++) {
		if (!loaders[i]->recognises())
			continue;
		loaders[i]->load();
		return;
	}
	refuse();
}

/* Something that is loaded from @file, named @what in errors. */
static void load_file(enum worker_file file, const char *what, u64 offset, u64 size, u64 gpa)
{
	int err = memory_load(file, offset, size, gpa);

	if (err != 0)
		report_failure("%s: reading %lu bytes at %lu failed (error %d); look at the disk",
			what, size, offset, -err);
}

void load_range(struct place *p, u64 offset, u64 filesz, u64 memsz, u64 gpa)
{
	if (filesz > memsz)
		report_failure("KERNEL: the file changes while it is read");
	if (memory_at(gpa, memsz, MEMORY_WRITE) == NULL)
		report_failure("KERNEL: it wants %lu KiB at 0x%lx, where there is not so much "
			       "memory; give the VM more",
			(memsz + KIB - 1) / KIB, gpa);
	place_take(p, gpa, memsz);
	if (filesz > 0)
		load_file(WORKER_FILE_KERNEL, "KERNEL", offset, filesz, gpa);
	if (memsz > filesz && !memory_zero(gpa + filesz, memsz - filesz))
		assert(false);
}

void load_segments(const struct elf_image *elf, struct place *p)
{
	for (u32 i = 0; i < elf->load_segments; i++) {
		struct elf_segment seg;

		if (elf_segment_get(elf, i, &seg) != 0)
			report_failure("KERNEL: the file cannot be read; look at the disk");
		load_range(p, seg.offset, seg.filesz, seg.memsz, seg.paddr);
	}
}

void load_kernel_part(u64 offset, u64 size, u64 gpa)
{
	load_file(WORKER_FILE_KERNEL, "KERNEL", offset, size, gpa);
}

struct load_initrd load_initrd(struct place *p, bool low, u64 below)
{
	struct load_initrd initrd = { .size = space_start()->file_size[WORKER_FILE_INITRD] };
	bool placed = false;

	if (initrd.size == WORKER_NO_FILE)
		return (struct load_initrd){ .size = 0 };
	if (initrd.size == 0)
		report_failure("INITRD: the file is empty; name another one, or none");
	if (low)
		placed = place_low(p, initrd.size, PAGE_SIZE, place_top(p), below, &initrd.gpa);
	if (!placed)
		placed = place_high(p, initrd.size, PAGE_SIZE, MIB, below, &initrd.gpa);
	if (!placed)
		report_failure("INITRD: no room for its %lu KiB below %lu MiB beside the kernel; "
			       "give the VM more memory",
			(initrd.size + KIB - 1) / KIB, below / MIB);
	load_file(WORKER_FILE_INITRD, "INITRD", 0, initrd.size, initrd.gpa);
	return initrd;
}

u64 load_place_info(struct place *p, u64 size)
{
	u64 gpa;

	if (!place_low(p, size, PAGE_SIZE, 0, MEMORY_BELOW, &gpa))
		report_failure("KERNEL: no room for its boot information below 4 GiB; give the "
			       "VM more memory");
	return gpa;
}

void load_write(u64 gpa, const void *from, u64 size)
{
	if (!memory_fill(gpa, from, size))
		assert(false);
}

u32 load_cmdline(char *to)
{
	const char *from = space_start()->cmdline;
	size_t len = strnlen(from, WORKER_CMDLINE_MAX - 1);

	memcpy(to, from, len);
	to[len] = '\0';
	return (u32)len + 1;
}
