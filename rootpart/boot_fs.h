/* SPDX-License-Identifier: MIT */
/*
 * The boot archive at /boot, and further archives of the loader, modules
 * named extra*.cpio, together at /boot/extra.
 */
#pragma once

/* Mounts what is there; what is missing or damaged gets a log line. Boot. */
void boot_fs_init(void);
