/* SPDX-License-Identifier: MIT */
/*
 * Block devices as files: /dev/disk0, /dev/disk0p1. They are as long as they are;
 * none is made or removed. Who has one open for writing holds it.
 */
#pragma once

#include "rootpart/vfs.h"

extern const struct vfs_ops devfs_ops;

/* Mounts it at /dev. Boot. */
void devfs_init(void);
