/* SPDX-License-Identifier: MIT */
/*
 * Virtual machines: the service behind the command `vm`. A VM is a
 * configuration; while it is on, also a child partition, a worker process and
 * memory. Called by tasks on any VP; a VM's lock, a sleeping one, is inside.
 *
 * Errors of all: -ENOENT no such VM; -EBUSY its state does not allow it; and
 * in @why, where it is taken, a sentence for people.
 */
#pragma once

#include "base/types.h"
#include "rootpart/vm/vm_config.h"
#include "rootpart/vm/vm_crash.h"

#define VM_WHY 256u

enum vm_state {
	VM_OFF,
	VM_STARTING, /* the worker loads it */
	VM_RUNNING,
	VM_PAUSED,
	VM_STOPPING,
	VM_FAILED, /* off, and not of its own will: vm_info.why tells */
};
/* True for a state in which it has a partition, or is about to. */
static inline bool vm_is_on(enum vm_state state)
{
	return state != VM_OFF && state != VM_FAILED;
}
/* "off", "starting", … */
const char *vm_state_name(enum vm_state state);

struct vm_info {
	struct vm_config config;
	enum vm_state state;
	u64 partition_id;      /* 0 while off */
	u64 uptime_ns;         /* since the last start, pauses included */
	u64 cpu_ns;            /* of all its VPs since then */
	u64 hypervisor_memory; /* bytes deposited for it */
	u64 guest_os_id;
	u64 tsc_hz; /* of its partition; 0 while off */
	u32 resets; /* since the last start */
	char why[VM_WHY];
	struct vm_crash crash; /* of the machine that is on, or of the last one that had one */
};

/* Reads all of /vm; what does not parse gets a log line. Boot. */
void vm_init(void);

/* Makes a VM that is off, and its file. -EEXIST; -EINVAL; file errors. */
[[nodiscard]] int vm_create(const struct vm_config *config, char *why);
/* -EBUSY unless off; removes it and its file. */
[[nodiscard]] int vm_delete(const char *name, char *why);
/*
 * Replaces the configuration of a VM: but for live keys it takes effect at its next start. The disks in it
 * are those that it has: vm_add_disk() and vm_remove_disk() change them.
 */
[[nodiscard]] int vm_configure(const struct vm_config *config, char *why);
/* Returns when the child runs, or with what went wrong; nothing is left of it then. */
[[nodiscard]] int vm_start(const char *name, char *why);
/*
 * Pulls the plug; 0 if it is off already, with *was_off set. Returns when all is
 * given back. One that is starting is killed as soon as it is loaded.
 */
[[nodiscard]] int vm_kill(const char *name, bool *was_off, char *why);
/* Builds the partition anew from the configuration. */
[[nodiscard]] int vm_reset(const char *name, char *why);
[[nodiscard]] int vm_pause(const char *name, char *why);
[[nodiscard]] int vm_resume(const char *name, char *why);

/* The VM behind @previous by name ("": the first). -ENOENT at the end. */
[[nodiscard]] int vm_next(const char *previous, struct vm_info *info);
[[nodiscard]] int vm_get(const char *name, struct vm_info *info);

/*
 * Disks. @disk: "PATH" or "PATH,ro". Both change the configuration, and the machine at once if
 * it is on: an added disk gets the lowest LUN that is free; one that is removed is given back when
 * what is under way to it has ended. All of it or nothing. -EEXIST: it has that disk; -ENOENT: it has
 * no such disk; -ENOSPC: no LUN is free; -EBUSY and others as vdisk_open(), with the reason in @why.
 */
[[nodiscard]] int vm_add_disk(const char *name, const char *disk, char *why);
[[nodiscard]] int vm_remove_disk(const char *name, const char *path, char *why);

/* A disk of a machine that is on. */
struct vm_disk_info {
	u32 lun;
	char path[PATH_MAX];
	bool read_only;
	u32 sector_size;
	u64 sectors;
};
/* The first one from LUN @lun on. -ENOENT: there is none, or no such VM; -EBUSY: it is off. */
[[nodiscard]] int vm_disk_next(const char *name, u32 lun, struct vm_disk_info *info);

/* A channel of the bus of a machine that is on. */
struct vm_channel_info {
	u32 relid;          /* 0: the child does not know of it */
	const char *device; /* "scsi" */
	const char *state;  /* "new", "offered", "open", "closing", "rescinded" */
	u32 subchannel;     /* 0: a primary */
	/* While it is open; else 0. */
	u32 vp;                      /* that is interrupted */
	u32 from_size, from_used;    /* the ring from the child: bytes */
	u32 to_size, to_used;        /* the ring to it */
	u64 packets_in, packets_out; /* since it was made, as what follows */
	u64 interrupts;              /* to the child */
	u64 signals;                 /* from it */
	u64 malformed;               /* packets that made no sense */
};
/* The one at place @index in the order of offers. -ENOENT; -EBUSY: it is off. */
[[nodiscard]] int vm_channel_get(const char *name, u32 index, struct vm_channel_info *info);

/* The bus as a whole, and its SCSI controller. Zeroes where the child has not connected. */
struct vm_bus_info {
	u32 version; /* as agreed on: major in bits 31:16; 0: not connected */
	u64 messages_in, messages_out;
	u64 malformed;                        /* messages that made no sense */
	u64 reads, writes, flushes, discards; /* requests that the disks completed */
	u64 read_bytes, written_bytes;
	u64 errors; /* requests that ended otherwise than well */
	u64 stalls; /* waits for a slot */
};
/* -ENOENT; -EBUSY: it is off. */
[[nodiscard]] int vm_bus_get(const char *name, struct vm_bus_info *info);

/* Counters of one VP since the start; @counters has HV_VP_COUNTER_MAX. -ERANGE: no such VP. */
[[nodiscard]] int vm_vp_counters(const char *name, u32 vp, u64 *counters);

/*
 * The console: the last 64 KiB of output since the start, by position, which
 * only grows. vm_console_read() gives up to @size bytes from *position, which
 * moves on (past what is lost); waits until @deadline_ns for the first one.
 * 0 bytes: the time is up, or the VM is off and all was read: then *off is set.
 */
[[nodiscard]] int vm_console_read(
	const char *name, u64 *position, char *buffer, size_t size, u64 deadline_ns, bool *off);
/* Types at it: bytes taken, fewer if its queue is full. -EBUSY while off. */
[[nodiscard]] int vm_console_type(const char *name, const u8 *bytes, size_t count);
/* Makes vm_console_read() calls of others return now. */
void vm_console_nudge(const char *name);
