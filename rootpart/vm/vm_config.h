/* SPDX-License-Identifier: MIT */
/*
 * A VM's configuration: what `vm create` and `vm set` change, kept as text in
 * /vm/NAME/vm.conf, so that a person can read and copy it. One `key = value`
 * per line, `#` begins a comment; the first key is `format`.
 */
#pragma once

#include "base/types.h"
#include "hv/partition.h"
#include "rootpart/path.h"

#define VM_ROOT          "/vm"
#define VM_NAME_MAX      63u
#define VM_CMDLINE_MAX   2047u
#define VM_CONFIG_FORMAT 1u
#define VM_CPUS_MAX      64u
#define VM_MEMORY_MIN    (2 * MIB)
#define VM_MEMORY_MAX    (1024 * GIB)
#define VM_DISKS_MAX     16u             /* LUNs of its SCSI controller */
#define VM_DISK_TEXT     (PATH_MAX + 4u) /* "PATH" or "PATH,ro" */

enum vm_on_reset { VM_RESET_RESTART, VM_RESET_STOP };

struct vm_config {
	char name[VM_NAME_MAX + 1]; /* the directory's; not in the file */
	u64 memory;                 /* bytes, whole 2 MiB */
	u32 cpus;
	char kernel[PATH_MAX]; /* "": none */
	char initrd[PATH_MAX];
	char cmdline[VM_CMDLINE_MAX + 1];
	u32 weight;  /* 100 is usual; 1 to 10000 */
	u32 cap;     /* percent of its processors, 0: none */
	u32 reserve; /* percent */
	bool autostart;
	enum vm_on_reset on_reset;
	u32 sector_size;                        /* of its disks: 512 or 4096 bytes */
	u64 affinity;                           /* bit per processor; 0: all */
	char disks[VM_DISKS_MAX][VM_DISK_TEXT]; /* by LUN; "": none */
	/* What the child is to see of the processor on whatever host; from vm.conf only. */
	bool has_features;
	u64 features[2]; /* HV_PROPERTY_PROCESSOR_FEATURES_0 and _1 */
	u64 xsave_states;
	u64 tsc_hz;
};

/* A VM that was asked for with nothing but a name. */
void vm_config_default(struct vm_config *c, const char *name);

/*
 * Letters, digits, '-', '_' and '.', beginning with a letter or digit, at most
 * VM_NAME_MAX characters. NULL if so, else a sentence for people.
 */
const char *vm_name_wrong(const char *name);

/*
 * Reads @len bytes of text into *c, which keeps its name. 0; -EINVAL with line
 * number and reason in @why for what does not parse, unknown keys included.
 */
[[nodiscard]] int vm_config_parse(
	struct vm_config *c, const char *text, size_t len, char *why, size_t why_size);
/* Writes the text; its length, or -ENOSPC. */
[[nodiscard]] int vm_config_format(const struct vm_config *c, char *text, size_t size);

/* The files: /vm/NAME and /vm/NAME/vm.conf. Errors of the file layer. */
[[nodiscard]] int vm_config_load(struct vm_config *c, const char *name, char *why, size_t why_size);
/* Makes the directory if it is not there. The old file is there until the new one is whole. */
[[nodiscard]] int vm_config_save(const struct vm_config *c);
/* Removes the file and its directory; other files there give -ENOTEMPTY. */
[[nodiscard]] int vm_config_remove(const char *name);
