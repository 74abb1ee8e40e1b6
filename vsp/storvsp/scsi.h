/* SPDX-License-Identifier: MIT */
/*
 * SCSI commands of a disk: what a command block asks for, and the answers that need no medium. Pure:
 * a command, which is hostile, and a disk's properties give an answer, or a request to the disk. SPC-4 and
 * SBC-3; the subset that Linux sends.
 */
#pragma once

#include "base/types.h"
#include "vsp/disk.h"

#define SCSI_CDB_MAX         16u
#define SCSI_SENSE_SIZE      18u
#define SCSI_DATA_MAX        512u  /* of an answer */
#define SCSI_PARAM_MAX       4096u /* of a command's parameters */

#define SCSI_GOOD            0x00u
#define SCSI_CHECK_CONDITION 0x02u

enum scsi_direction { SCSI_NO_DATA, SCSI_DATA_IN, SCSI_DATA_OUT };

struct scsi_command {
	u8 cdb[SCSI_CDB_MAX]; /* zeroes behind what was given */
	u32 length;           /* bytes that the guest has room for, or gives */
	enum scsi_direction direction;
};

/* A unit as a guest sees it. */
struct scsi_unit {
	const struct vsp_disk *disk; /* NULL: there is none of that number */
	const u8 *luns;              /* numbers that are there, for REPORT LUNS */
	u32 lun_count;
};

enum scsi_next {
	SCSI_ANSWER,     /* status, sense and data are the answer */
	SCSI_MEDIUM,     /* the request is to be done; its end is the answer */
	SCSI_PARAMETERS, /* as SCSI_ANSWER or SCSI_MEDIUM, when scsi_parameters() has seen the data */
};

struct scsi_result {
	enum scsi_next next;
	u8 status;
	u8 sense[SCSI_SENSE_SIZE]; /* with CHECK CONDITION */
	u32 data_length;           /* of the answer, no more than the guest has room for */
	u8 data[SCSI_DATA_MAX];
	/* Of the medium. */
	enum vsp_disk_op op;
	bool fua;
	u64 sector;
	u64 bytes;
};

void scsi_begin(const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r);
/* After SCSI_PARAMETERS: @size bytes that the guest gave. */
void scsi_parameters(const struct scsi_unit *unit, const struct scsi_command *c, const u8 *data,
	u32 size, struct scsi_result *r);
/* What the guest hears of a request to the medium that ended with @error. */
void scsi_end(const struct scsi_command *c, int error, struct scsi_result *r);
