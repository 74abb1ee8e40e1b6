/* SPDX-License-Identifier: MIT */
/*
 * scsi OPCODE LBA BLOCKS: a command of ten bytes as it is to the disk /dev/target, past all that the
 * kernel itself would refuse: READ(10) 40, WRITE(10) 42 with zeroes, others without data. Says what
 * came of it: "status S sense KEY CODE QUALIFIER", and of READ the first eight bytes.
 */
#include "tests/linux/lib/program.h"

#define SYS_OPEN    2u
#define SYS_IOCTL   16u

#define O_NONBLOCK  0x800u
#define SG_IO       0x2285u

#define NO_DATA     (-1)
#define TO_DISK     (-2)
#define FROM_DISK   (-3)

#define READ_10     40u
#define WRITE_10    42u
#define SECTOR      512u
#define BLOCKS_MAX  8u
#define SENSE_BYTES 32u
#define TIME_OUT_MS 60000u

/* As Linux has it for SG_IO. */
struct sg_io {
	s32 interface; /* 'S' */
	s32 direction;
	u8 command_bytes;
	u8 sense_room;
	u16 vectors;
	u32 data_bytes;
	u64 data;
	u64 command;
	u64 sense;
	u32 timeout_ms;
	u32 flags;
	s32 id;
	u32 reserved;
	u64 user;
	u8 status;
	u8 masked_status;
	u8 message_status;
	u8 sense_bytes;
	u16 host_status;
	u16 driver_status;
	s32 left;
	u32 duration;
	u32 info;
	u32 reserved2;
};

static_assert(sizeof(struct sg_io) == 88);

static u8 data[BLOCKS_MAX * SECTOR] __attribute__((aligned(4096)));

static s32 direction_of(u64 opcode)
{
	if (opcode == READ_10)
		return FROM_DISK;
	return opcode == WRITE_10 ? TO_DISK : NO_DATA;
}

static s64 run(s64 file, const u64 *numbers, u8 *sense, struct sg_io *io)
{
	u32 lba = (u32)numbers[1], blocks = (u32)numbers[2];
	u8 command[10] = { (u8)numbers[0], 0, (u8)(lba >> 24), (u8)(lba >> 16), (u8)(lba >> 8),
		(u8)lba, 0, 0, (u8)blocks, 0 };

	*io = (struct sg_io){ .interface = 'S',
		.direction = direction_of(numbers[0]),
		.command_bytes = sizeof(command),
		.sense_room = SENSE_BYTES,
		.command = (u64)command,
		.sense = (u64)sense,
		.timeout_ms = TIME_OUT_MS };
	if (io->direction != NO_DATA) {
		io->data = (u64)data;
		io->data_bytes = blocks * SECTOR;
	}
	return system_call(SYS_IOCTL, (u64)file, SG_IO, (u64)io, 0);
}

static void tell(const struct sg_io *io, const u8 *sense)
{
	say("status %u sense %x %x %x", io->status, sense[2] & 15u, sense[12], sense[13]);
	if (io->direction == FROM_DISK)
		say("data %x %x %x %x %x %x %x %x", data[0], data[1], data[2], data[3], data[4],
			data[5], data[6], data[7]);
}

int program_main(u32 count, const u64 *numbers)
{
	u8 sense[SENSE_BYTES] = { 0 };
	struct sg_io io;
	s64 file, r;

	if (count != 3 || numbers[0] > 0xff || numbers[1] > 0xffffffff || numbers[2] > BLOCKS_MAX)
		return verdict("scsi", false, "usage: scsi OPCODE LBA BLOCKS");
	file = system_call(SYS_OPEN, (u64) "/dev/target", O_NONBLOCK, 0, 0);
	if (file < 0)
		return verdict("scsi", false, "/dev/target: error %d", (int)-file);
	r = run(file, numbers, sense, &io);
	if (r >= 0)
		tell(&io, sense);
	return verdict("scsi", r >= 0, "SG_IO: error %d", (int)-r);
}
