/* SPDX-License-Identifier: MIT */
/*
 * What kind of device a function is, in words for people.
 */
#pragma once

#include "rootpart/pci/pci.h"

/* Never NULL. */
const char *pci_class_text(const struct pci_device *dev);
