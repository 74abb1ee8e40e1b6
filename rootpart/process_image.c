/* SPDX-License-Identifier: MIT */
/*
 * The image is a file of the boot archive, or a test's, and believed in
 * nothing: where its segments lie and what they may do is checked here, what
 * is in the file by lib/elf.c. Called by process.c.
 */
#include "rootpart/process_image.h"

#include "base/errno.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "worker/abi.h"

static const char no_memory[] = "not enough memory";

static u32 rights_of(const struct elf_segment *s)
{
	return (s->write ? ADDRESS_WRITE : 0) | (s->exec ? ADDRESS_EXECUTE : 0);
}

static const char *segment_check(const struct elf_segment *s)
{
	if (s->vaddr < WORKER_IMAGE || s->vaddr - WORKER_IMAGE > WORKER_IMAGE_MAX ||
		s->memsz > WORKER_IMAGE_MAX - (s->vaddr - WORKER_IMAGE))
		return "a segment lies outside of the place for images";
	if (s->write && s->exec)
		return "a segment is writable and executable";
	return NULL;
}

/* To pages that are mapped one by one. */
static void copy_in(const struct address_space *as, u64 va, const u8 *data, u64 size)
{
	while (size > 0) {
		u64 part = MIN(size, PAGE_SIZE - va % PAGE_SIZE);

		memcpy(address_space_ptr(as, va), data, part);
		va += part;
		data += part;
		size -= part;
	}
}

static int segment_load(struct address_space *as, const struct elf_segment *s, const char **why)
{
	u64 start = ALIGN_DOWN(s->vaddr, PAGE_SIZE);
	u64 end = ALIGN_UP(s->vaddr + s->memsz, PAGE_SIZE);
	int r;

	*why = segment_check(s);
	if (*why != NULL)
		return -EINVAL;
	r = address_space_alloc(as, start, end - start, rights_of(s));
	if (r == 0)
		copy_in(as, s->vaddr, s->data, s->filesz);
	else if (r == -EEXIST)
		*why = "two segments share a page";
	else
		*why = no_memory;
	return r == -EEXIST ? -EINVAL : r;
}

int process_image_load(
	struct address_space *as, const void *file, size_t size, u64 *entry, const char **why)
{
	struct elf_segment s;
	struct elf_image elf;
	int r = elf_open(&elf, file, size, why);

	for (u32 i = 0; r == 0 && elf_segment_get(&elf, i, &s) == 0; i++)
		r = segment_load(as, &s, why);
	if (r != 0)
		return r;
	if (address_space_ptr(as, elf.entry) == NULL) {
		*why = "the entry point lies outside of the segments";
		return -EINVAL;
	}
	r = address_space_alloc(
		as, WORKER_STACK_TOP - WORKER_STACK_SIZE, WORKER_STACK_SIZE, ADDRESS_WRITE);
	if (r != 0)
		*why = no_memory;
	*entry = elf.entry;
	return r;
}
