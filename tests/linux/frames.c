/* SPDX-License-Identifier: MIT */
/*
 * frames COUNT SIZE FROM TO: so many Ethernet frames out of the network interface with
 * the index FROM, in bursts by one call each; those of a burst are received at interface
 * TO, if that is not 0, before the next goes. For whoever counts what a frame costs.
 */
#include "lib/string.h"
#include "tests/linux/lib/program.h"

#define SYS_SOCKET   41u
#define SYS_BIND     49u
#define SYS_RECVMMSG 299u
#define SYS_SENDMMSG 307u

#define AF_PACKET    17u
#define SOCK_RAW     3u
#define TYPE         0x88b5u /* for experiments: IEEE 802, 9.2.4 */
#define TYPE_ON_WIRE 0xb588u

#define BURST        64u
#define BYTES_MAX    1514u
#define HEADER       14u

struct address {
	u16 family;
	u16 protocol; /* as on the wire */
	u32 interface;
	u8 rest[12];
};

struct vector {
	void *data;
	u64 bytes;
};

struct message {
	void *name;
	u64 name_bytes;
	struct vector *vectors;
	u64 vector_count;
	void *control;
	u64 control_bytes;
	u64 flags;
	u32 bytes; /* what was sent or received */
	u32 reserved;
};

static u8 frame[BYTES_MAX], came[BURST][2048];
static struct vector out = { frame, 0 }, in[BURST];
static struct message sends[BURST], receives[BURST];

/* A socket for one interface; negative: an error. */
static s64 open_at(u64 interface, u16 protocol)
{
	const struct address a = { AF_PACKET, protocol, (u32)interface, { 0 } };
	s64 file = system_call(SYS_SOCKET, AF_PACKET, SOCK_RAW, protocol, 0);

	if (file < 0)
		return file;
	return system_call(SYS_BIND, (u64)file, (u64)&a, sizeof(a), 0) == 0 ? file : -1;
}

/* From an address of nobody's; to everybody, or to nobody, whose frames no interface takes. */
static void set_up(u64 size, bool taken)
{
	static const u8 nobody[6] = { 0x02, 0, 0, 0, 0, 0x01 };

	memset(frame, 0xff, 6);
	if (!taken)
		memcpy(frame, nobody, 6);
	frame[6] = 2;
	frame[12] = TYPE >> 8;
	frame[13] = TYPE & 0xff;
	out.bytes = size;
	for (u32 i = 0; i < BURST; i++) {
		in[i] = (struct vector){ came[i], sizeof(came[i]) };
		sends[i].vectors = &out;
		receives[i].vectors = &in[i];
		sends[i].vector_count = receives[i].vector_count = 1;
	}
}

/* All of a burst, in as many calls as it takes. */
static bool all(u64 call, s64 file, struct message *messages, u64 count)
{
	while (count > 0) {
		s64 done = system_call(call, (u64)file, (u64)messages, count, 0);

		if (done <= 0)
			return false;
		count -= (u64)done;
	}
	return true;
}

static bool run(u64 count, s64 from, s64 to)
{
	for (u64 done = 0; done < count; done += BURST) {
		u64 burst = MIN(count - done, (u64)BURST);

		if (!all(SYS_SENDMMSG, from, sends, burst))
			return false;
		if (to >= 0 && !all(SYS_RECVMMSG, to, receives, burst))
			return false;
	}
	return true;
}

static bool run_timed(u64 count, s64 from, s64 to)
{
	u64 begin = clock_fast(CLOCK_MONOTONIC), us;

	if (!run(count, from, to))
		return false;
	us = (clock_fast(CLOCK_MONOTONIC) - begin) / 1000;
	say("frames per second: %llu", (unsigned long long)(count * 1000000 / MAX(us, 1ull)));
	return true;
}

int program_main(u32 count, const u64 *numbers)
{
	s64 from, to = -1;

	if (count != 4 || numbers[1] < HEADER || numbers[1] > BYTES_MAX)
		return verdict("frames", false, "usage: frames COUNT SIZE FROM TO");
	set_up(numbers[1], numbers[3] != 0);
	from = open_at(numbers[2], 0);
	if (numbers[3] != 0)
		to = open_at(numbers[3], TYPE_ON_WIRE);
	if (from < 0 || (numbers[3] != 0 && to < 0))
		return verdict("frames", false, "no such interface");
	return verdict(
		"frames", run_timed(numbers[0], from, to), "a frame was not sent or received");
}
