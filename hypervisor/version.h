/* SPDX-License-Identifier: MIT */
/* The project's version, as consoles and CPUID leaf 0x40000002 tell it. */
#pragma once

#include "base/version.h"

#define VERDIGRIS_VERSION_MAJOR 0u
#define VERDIGRIS_VERSION_MINOR 1u
#define VERDIGRIS_BUILD         1u
