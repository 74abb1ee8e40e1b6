/* SPDX-License-Identifier: MIT */
/*
 * Options on the hypervisor's command line; README.md lists them for people.
 * What is not the hypervisor's is the root's, which gets the whole line.
 */
#pragma once

struct boot_info;

/* Applies loglevel=; console= is console_init()'s. A wrong value is told and ignored. */
void options_apply(const struct boot_info *info);
