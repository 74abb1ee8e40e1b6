/* SPDX-License-Identifier: MIT */
/*
 * Addresses that rootpart.ld defines: bounds of the image and its parts.
 */
#pragma once

#include "base/types.h"

extern char image_start[];      /* code begins */
extern char image_text_end[];   /* read-only data begins */
extern char image_rodata_end[]; /* data and bss begin */
extern char image_end[];
extern char boot_stack_guard[]; /* a page that stays unmapped */
extern char boot_stack_top[];
