/* SPDX-License-Identifier: MIT */
/*
 * vm.conf as a file: /vm/NAME/vm.conf. A new one is written beside the old
 * and then renamed, so that one of both is always there, whole. The CLI's
 * task; boot.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/vfs.h"
#include "rootpart/vm/vm_config.h"

#define FILE_NAME "vm.conf"
#define NEW_NAME  "vm.conf.new"
/* What we write, every character of it escaped, is shorter. */
#define TEXT_MAX      65536u

#define DIRECTORY_MAX (sizeof(VM_ROOT "/") + VM_NAME_MAX)
#define FILE_MAX      (DIRECTORY_MAX + sizeof("/" NEW_NAME))

/* "/vm/NAME", or "/vm/NAME/FILE". */
static void path_of(char *path, size_t size, const char *name, const char *file)
{
	(void)format(path, size, "%s/%s%s%s", VM_ROOT, name, file[0] != '\0' ? "/" : "", file);
}

/* Reads up to @size bytes: how many, or an error. */
static s64 read_all(const char *path, char *text, size_t size)
{
	struct vfs_file file;
	size_t len = 0;
	s64 n = vfs_open(path, VFS_READ, &file);

	if (n != 0)
		return n;
	while (len < size && (n = vfs_read(&file, text + len, size - len)) > 0)
		len += (size_t)n;
	vfs_close(&file);
	return n < 0 ? n : (s64)len;
}

static int load(struct vm_config *c, const char *path, char *text, char *why, size_t why_size)
{
	s64 len = read_all(path, text, TEXT_MAX);
	int r = len < 0 ? (int)len : 0;

	if (len == TEXT_MAX)
		r = -E2BIG;
	if (r == 0)
		return vm_config_parse(c, text, (size_t)len, why, why_size);
	(void)format(why, why_size, "%s", errno_text(r));
	return r;
}

int vm_config_load(struct vm_config *c, const char *name, char *why, size_t why_size)
{
	char path[FILE_MAX];
	char *text = kmalloc(TEXT_MAX);
	int r;

	if (text == NULL) {
		(void)format(why, why_size, "%s", errno_text(-ENOMEM));
		return -ENOMEM;
	}
	(void)str_copy(c->name, name, sizeof(c->name));
	path_of(path, sizeof(path), name, FILE_NAME);
	r = load(c, path, text, why, why_size);
	kfree(text);
	return r;
}

static int write_all(const char *path, const char *text, size_t len)
{
	struct vfs_file file;
	s64 n = vfs_open(path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &file);

	if (n != 0)
		return (int)n;
	for (size_t done = 0; done < len && n >= 0; done += (size_t)n) {
		n = vfs_write(&file, text + done, len - done);
		if (n <= 0)
			break;
	}
	vfs_close(&file);
	return n > 0 ? 0 : n == 0 ? -EIO : (int)n;
}

/* It is as safe as its file system can make it. */
static int sync_all(const char *path)
{
	struct vfs_file file;
	int r = vfs_open(path, VFS_READ, &file);

	if (r != 0)
		return r;
	r = vfs_sync(&file);
	vfs_close(&file);
	return r;
}

/* Replaces the file in a directory that is there. */
static int replace(const char *name, const char *text, size_t len)
{
	char path[FILE_MAX], new[FILE_MAX];
	int r;

	path_of(path, sizeof(path), name, FILE_NAME);
	path_of(new, sizeof(new), name, NEW_NAME);
	r = write_all(new, text, len);
	if (r == 0)
		r = vfs_rename(new, path);
	if (r != 0)
		(void)!vfs_remove(new);
	return r != 0 ? r : sync_all(path);
}

static int save(const char *name, const char *text, size_t len)
{
	char directory[DIRECTORY_MAX];
	bool made;
	int r;

	path_of(directory, sizeof(directory), name, "");
	r = vfs_mkdir(directory);
	made = r == 0;
	if (made || r == -EEXIST)
		r = replace(name, text, len);
	if (made && r != 0)
		(void)!vfs_remove(directory);
	return r;
}

int vm_config_save(const struct vm_config *c)
{
	char *text = kmalloc(TEXT_MAX);
	int r;

	if (text == NULL)
		return -ENOMEM;
	r = vm_config_format(c, text, TEXT_MAX);
	if (r > 0)
		r = save(c->name, text, (size_t)r);
	kfree(text);
	return r;
}

/* 0 if the directory holds nothing that is not ours. */
static int only_ours(const char *directory)
{
	struct vfs_directory d;
	struct vfs_entry entry;
	int r = vfs_opendir(directory, &d);

	if (r != 0)
		return r;
	while ((r = vfs_readdir(&d, &entry)) == 1) {
		if (strcmp(entry.name, FILE_NAME) != 0 && strcmp(entry.name, NEW_NAME) != 0)
			return -ENOTEMPTY;
	}
	return r;
}

static int remove_if_there(const char *name, const char *file)
{
	char path[FILE_MAX];
	int r;

	path_of(path, sizeof(path), name, file);
	r = vfs_remove(path);
	return r == -ENOENT ? 0 : r;
}

int vm_config_remove(const char *name)
{
	char directory[DIRECTORY_MAX];
	int r;

	path_of(directory, sizeof(directory), name, "");
	r = only_ours(directory);
	if (r == 0)
		r = remove_if_there(name, NEW_NAME);
	if (r == 0)
		r = remove_if_there(name, FILE_NAME);
	return r != 0 ? r : vfs_remove(directory);
}
