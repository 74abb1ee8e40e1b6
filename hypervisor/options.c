/* SPDX-License-Identifier: MIT */
/*
 * Command line options.
 */
#include "hypervisor/options.h"

#include "base/errno.h"
#include "boot/boot_info.h"
#include "hypervisor/log.h"
#include "lib/cmdline.h"
#include "lib/string.h"

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

void options_apply(const struct boot_info *info)
{
	char value[16];
	int err = cmdline_get(info->cmdline, "loglevel", value, sizeof(value));

	if (err == -ENOENT)
		return;
	for (u32 i = 0; i < ARRAY_SIZE(level_names); i++)
		if (!err && strcmp(value, level_names[i]) == 0) {
			log_level_set((enum log_level)i);
			return;
		}
	log_warn("options: loglevel= takes error, warn, info or debug; it stays at info");
}
