/* SPDX-License-Identifier: MIT */
/*
 * Mounting the loader's archives, straight from the modules. Boot.
 */
#include "rootpart/boot_fs.h"

#include "lib/string.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cpiofs.h"
#include "rootpart/errno_text.h"
#include "rootpart/log.h"

#define ARCHIVE      "boot.cpio"
#define EXTRA_PREFIX "extra"
#define EXTRA_SUFFIX ".cpio"

static bool is_extra(const char *name)
{
	size_t len = strlen(name), suffix = strlen(EXTRA_SUFFIX);

	return strncmp(name, EXTRA_PREFIX, strlen(EXTRA_PREFIX)) == 0 && len >= suffix &&
	       strcmp(name + len - suffix, EXTRA_SUFFIX) == 0;
}

static void add(struct cpiofs *fs, const struct boot_module *module)
{
	size_t offset;
	u32 left_out;
	int r;

	if (module->data == NULL) {
		log_printf("boot: %s cannot be mapped", module->name);
		return;
	}
	r = cpiofs_add(fs, module->data, module->size, &offset, &left_out);
	if (r == -EINVAL)
		log_printf("boot: %s is damaged at byte %zu: what follows is missing", module->name,
			offset);
	else if (r != 0)
		log_printf("boot: %s is not wholly there: %s", module->name, errno_text(r));
	if (left_out > 0)
		log_printf("boot: %s has %u entries that are no files or directories; left out",
			module->name, left_out);
}

/* The tree at @path, NULL if it cannot be. */
static struct cpiofs *mount_empty(const char *path)
{
	struct cpiofs *fs = cpiofs_create();
	int r = fs != NULL ? vfs_mount(path, &cpiofs_ops, fs) : -ENOMEM;

	if (r == 0)
		return fs;
	log_printf("boot: nothing at %s: %s", path, errno_text(r));
	return NULL;
}

static void mount_extras(void)
{
	struct cpiofs *fs = NULL;
	const struct boot_module *module;

	for (u32 i = 0; (module = boot_module_get(i)) != NULL; i++) {
		if (!is_extra(module->name))
			continue;
		if (fs == NULL)
			fs = mount_empty("/boot/extra");
		if (fs == NULL)
			return;
		add(fs, module);
	}
}

void boot_fs_init(void)
{
	const struct boot_module *archive = boot_module_find(ARCHIVE);
	struct cpiofs *fs = mount_empty("/boot");

	if (archive == NULL)
		log_printf("boot: the loader gave no %s: /boot is empty", ARCHIVE);
	else if (fs != NULL)
		add(fs, archive);
	mount_extras();
}
