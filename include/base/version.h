/* SPDX-License-Identifier: MIT */
/*
 * The project's version, the same for both images and the boot archive.
 */
#pragma once

#define VERDIGRIS_VERSION "0.1.0"
