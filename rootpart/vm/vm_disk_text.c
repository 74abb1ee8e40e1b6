/* SPDX-License-Identifier: MIT */
/*
 * A VM's disk as text. The CLI's task; boot.
 */
#include "rootpart/vm/vm_disk_text.h"

#include "lib/format.h"
#include "lib/string.h"

#define READ_ONLY ",ro"

static_assert(VM_DISK_TEXT >= PATH_MAX + sizeof(READ_ONLY) - 1);

/* Length of @text without READ_ONLY, if it ends in that. */
static size_t path_length(const char *text)
{
	size_t len = strlen(text), ro = strlen(READ_ONLY);

	return len >= ro && strcmp(text + len - ro, READ_ONLY) == 0 ? len - ro : len;
}

const char *vm_disk_text_parse(struct vm_disk_text *disk, const char *text)
{
	size_t len = path_length(text);
	char path[PATH_MAX];

	if (len == 0)
		return "a disk needs a path";
	if (text[0] != '/')
		return "a disk's path begins with /";
	if (len >= sizeof(path))
		return "the path is too long";
	memcpy(path, text, len);
	path[len] = '\0';
	if (path_normalise(path, disk->path) != 0)
		return "the path is too long";
	/* It would be another disk when it is read again. */
	if (path_length(disk->path) != strlen(disk->path))
		return "a disk's path must not end in \"" READ_ONLY "\"";
	disk->read_only = text[len] != '\0';
	return NULL;
}

void vm_disk_text_format(const struct vm_disk_text *disk, char *text)
{
	(void)format(text, VM_DISK_TEXT, "%s%s", disk->path, disk->read_only ? READ_ONLY : "");
}

u32 vm_disk_text_free(const struct vm_config *c)
{
	u32 lun = 0;

	while (lun < VM_DISKS_MAX && c->disks[lun][0] != '\0')
		lun++;
	return lun;
}

/* True if @text is a disk, and its path these @len bytes. */
static bool is_at(const char *text, const char *path, size_t len)
{
	return text[0] != '\0' && path_length(text) == len && memcmp(text, path, len) == 0;
}

u32 vm_disk_text_find(const struct vm_config *c, const char *path)
{
	size_t len = strlen(path);
	u32 lun = 0;

	while (lun < VM_DISKS_MAX && !is_at(c->disks[lun], path, len))
		lun++;
	return lun;
}

bool vm_disk_text_twice(const struct vm_config *c)
{
	for (u32 a = 0; a < VM_DISKS_MAX; a++) {
		for (u32 b = a + 1; b < VM_DISKS_MAX; b++) {
			if (is_at(c->disks[b], c->disks[a], path_length(c->disks[a])))
				return true;
		}
	}
	return false;
}
