#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the first inputs of the fuzz targets: seeds.sh DIRECTORY fills
# DIRECTORY/NAME for each tests/fuzz/NAME_fuzz.c that lib/ has. Needs gcc and python3.
set -eu

out=$1
mkdir -p "$out/mptable" "$out/cmdline" "$out/cpio" "$out/elf" "$out/insn" "$out/cli_words" "$out/lineedit" "$out/vm_config" \
	"$out/worker_load" "$out/worker_intercept" "$out/worker_ioapic" "$out/partition" \
	"$out/ext4_dir"

seed() { # directory/name, printf format of its bytes
	# shellcheck disable=SC2059
	printf "$2" >"$out/$1"
}

seed cmdline/plain 'console=com1 loglevel=3 test-exit loglevel=4'
seed cmdline/quotes 'a="x y" "b=z w" c="" d="open e=1'

seed cli_words/quotes 'echo "a b" '"'c  d'"' e#f # comment'
seed cli_words/options 'top --count=3 --json -ln 5 -- --x'
seed lineedit/keys 'abc\033[D\033[3~x\033[A\001\013\027\025\r\n'
seed lineedit/tab 'ca\t\t\003\177'

seed vm_config/plain 'format = 1\nmemory = 512M\ncpus = 2 # two\nautostart = yes\naffinity = 0-3,5\n'
seed vm_config/quoted 'format = 1\nkernel = "/boot/a \\"b\\" # c"\ncmdline = "\\x09\\\\"\n'
seed vm_config/features 'format=1\nprocessor-features = 0x1f 0x2\nxsave-states = 7\ntsc-hz = 1000\n'

seed vm_config/disks 'format = 1\ndisk0 = "/vm/a.img"\ndisk1 = "/dev/disk1,ro"\ndisk15 = "/vm/../b,ro/x,"\nsector-size = 4096\n'

seed mptable/plain '\001\001\000PCI   \001\001ISA   \003\000\000\000\000\011\002\021\003\000\005\000\001\004\002\004'

zero=00000000
header() { # file size, name size
	echo "070701${zero}000081a4${zero}${zero}00000001${zero}$1${zero}${zero}${zero}${zero}$2${zero}"
}
file=$(header 00000005 00000006)
trailer=$(header 00000000 0000000b)
seed cpio/file "${file}./one\\000hello\\000\\000\\000${trailer}TRAILER!!!\\000\\000\\000\\000"
seed cpio/empty "${trailer}TRAILER!!!\\000\\000\\000\\000"

gcc -nostdlib -static -Wl,-n,-Ttext=0x100000,--build-id=none -x assembler - -o "$out/elf/pvh" <<'EOF'
	.section .note.Xen, "a", @note
	.long 4, 4, 18
	.asciz "Xen"
	.long _start
	.text
	.globl _start
	.type _start, @function
_start:	ret
	.size _start, 1
	.section .note.GNU-stack, "", @progbits
EOF

seed insn/cpuid '\017\242'
seed insn/prefixes '\146\147\360\363\056\017\242'
seed insn/sib_disp32 '\103\213\204\315\000\001\000\000'
seed insn/imm64 '\110\270\001\002\003\004\005\006\007\010'
seed insn/store_imm '\307\207\260\000\000\000\000\000\000\000'
seed insn/rip '\213\005\170\126\064\022'
seed insn/moffs '\241\001\002\003\004\005\006\007\010'
seed insn/group3 '\367\001\001\002\003\004'
seed insn/movzx '\017\266\103\001'
seed insn/0f38 '\017\070\360\007'
seed insn/0f3a '\146\017\072\017\301\010'
seed insn/vex2 '\305\172\157\000'
seed insn/vex3 '\304\302\371\367\007'
seed insn/enter '\310\001\000\002'
seed insn/far '\352\170\126\064\022\010\000'

# Kernels of children, behind a byte of options.
kernel() { # name, options; then gcc's, and the source
	name=$1
	options=$2
	shift 2
	gcc -nostdlib -static -Wl,-n,-Ttext=0x100000,--build-id=none "$@" -x assembler - \
		-o "$out/worker_load/elf"
	seed "worker_load/$name" "$options"
	cat "$out/worker_load/elf" >>"$out/worker_load/$name"
	rm "$out/worker_load/elf"
}
seed worker_load/pvh '\001'
cat "$out/elf/pvh" >>"$out/worker_load/pvh"
kernel multiboot '\000' -m32 <<'EOF'
	.text
	.globl _start
_start:	.long 0x1badb002, 3, -0x1badb005
	.skip 20
	.section .note.GNU-stack, "", @progbits
EOF
kernel addresses '\003' <<'EOF'
	.text
	.globl _start
_start:	.long 0x1badb002, 0x10003, -0x1badb002 - 0x10003
	.long 0x100000, 0x100000, 0x100040, 0x101000, 0x100030
	.skip 64
	.section .note.GNU-stack, "", @progbits
EOF
seed worker_load/bzimage '\001'
head -c 510 /dev/zero >>"$out/worker_load/bzimage"
printf '\125\252\000\000HdrS' >>"$out/worker_load/bzimage"
# One that can be loaded: boot protocol 2.15, two sectors before 1 KiB of kernel.
gcc -c -x assembler - -o "$out/worker_load/object" <<'EOF'
	.byte 1
start:	.skip 0x1f1
	.byte 2
	.org 0x1f5
	.long 0x40
	.org 0x1ff
	.short 0xaa55, 0x6aeb
	.ascii "HdrS"
	.short 0x20f
	.org 0x212
	.byte 1
	.org 0x22d
	.long 0x7fffffff, 0x1000
	.byte 1, 12
	.short 0x7f
	.long 2047
	.org 0x259
	.quad 0x100000
	.long 0x8000
	.org 0x601
	.skip 0x400, 0x90
EOF
objcopy -O binary -j .text "$out/worker_load/object" "$out/worker_load/linux"
rm "$out/worker_load/object"

# Select pin 4, program it as a level, assert it, end it; then an edge.
seed worker_ioapic/level '\000\003\000\000\030\000\000\000\000\003\020\000\044\200\000\000\002\000\004\000\001\000\000\000\003\000\000\000\044\000\000\000\000\003\100\000\044\000\000\000'
seed worker_ioapic/edge '\000\003\000\000\030\000\000\000\000\003\020\000\044\000\000\000\002\000\004\000\001\000\000\000\001\003\020\000\000\000\000\000'

# Intercepts of a child in 64-bit mode: struct input of the target.
intercept() { # name, index of the type, code, access, the payload's own part
	gcc -c -x assembler - -o "$out/worker_intercept/object" <<EOF
	.byte $2, 2
	.byte 0, 0, 0, 4		/* results and rights of pages */
	.byte 0x17, 0x1f, 0x27, 0x2f
	.ascii "$3"
	.org 48
	.quad 0x7ff0, 2, 0, 0, 0	/* RIP, RFLAGS, CR0, CR4, EFER */
	.quad 0x41, 24, 0, 0xb000, 0, 0, 0x8ff8, 0x9ffc
	.org 312 + 5
	.byte $4
	.org 312 + 40
	$5
	.org 312 + 240
EOF
	objcopy -O binary -j .text "$out/worker_intercept/object" "$out/worker_intercept/$1"
	rm "$out/worker_intercept/object"
}
intercept out 0 '\356' 1 '.short 0x3f8; .byte 1'
intercept in 0 '\355' 0 '.short 0x3fc; .byte 4'
intercept outs 0 '\363\156' 1 '.short 0x3f8; .byte 0x19'
intercept ins 0 '\363\155' 0 '.short 0x3f8; .byte 0x1c'
intercept load 1 '\213\003' 0 '.quad 0, 0, 0x30000000'
intercept store 1 '\110\211\203\374\357\377\377' 1 '.quad 0, 0, 0x30000ffc'
intercept movs 1 '\363\110\245' 0 '.quad 0, 0, 0x30000000'
intercept ioapic_select 1 '\211\003' 1 '.quad 0, 0, 0xfec00000'
intercept ioapic_window 1 '\213\103\020' 0 '.quad 0, 0, 0xfec00010'
intercept cpuid 4 '\017\242' 0 '.skip 32; .quad 1, 2, 3, 4'
intercept halt 6 '\364' 0 ''

mkdir -p "$out/frame_text"
macs='\377\377\377\377\377\377\122\124\000\022\064\126'
seed frame_text/arp "$macs"'\010\006\000\001\010\000\006\004\000\001\122\124\000\022\064\126\012\000\002\017\000\000\000\000\000\000\012\000\002\002'
seed frame_text/tcp "$macs"'\010\000\105\000\000\054\000\001\100\000\100\006\000\000\012\000\002\017\012\000\002\002\004\000\000\120\000\000\000\001\000\000\000\002\120\022\377\377\000\000\000\000'
seed frame_text/icmp "$macs"'\010\000\105\000\000\034\000\001\000\000\100\001\000\000\012\000\002\017\012\000\002\002\010\000\000\000\000\007\000\011'
seed frame_text/ipv6 "$macs"'\201\000\040\144\206\335\140\000\000\000\000\010\072\100\376\200\000\000\000\000\000\000\000\000\000\000\000\000\000\001\377\002\000\000\000\000\000\000\000\000\000\000\000\000\000\002\200\000\000\000\000\007\000\011'

# Journals: without a change; a descriptor's first tag, sealed; a sequence number.
mkdir -p "$out/ext4_replay"
seed ext4_replay/whole '\000'
seed ext4_replay/checked '\001'
seed ext4_replay/tag '\003\001\003\000\001'
seed ext4_replay/sequence '\000\006\002\000\001'

# Partition tables: first the byte that says the sector size (0: 512, 3: 4096), that the
# disk goes on (0x80), and that checks are to be made right (0x40).
python3 - "$out/partition" <<'EOF'
import struct, sys, zlib

def mbr(*entries):
    table = b"".join(struct.pack("<BxxxBxxxII", 0, *e) for e in entries)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"

def gpt(sector, flags):
    entry = struct.pack("<16s16sQQ", b"\1" * 16, b"\2" * 16, 40, 49).ljust(128, b"\0")
    other = struct.pack("<16s16sQQ", b"\1" * 16, b"\4" * 16, 50, 50).ljust(128, b"\0")
    array = (entry + bytes(128) + other).ljust(2048, b"\0")
    def header(at, copy, entries):
        h = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, at, copy, 34, 60,
                        b"\3" * 16, entries, 16, 128, zlib.crc32(array))
        return (h[:16] + struct.pack("<I", zlib.crc32(h)) + h[20:]).ljust(sector, b"\0")
    def sectors(data, count):
        return data.ljust(sector * count, b"\0")
    last = 69
    return bytes([flags]) + sectors(mbr((0xee, 1, 0xffffffff)), 1) + header(1, last, 2) + \
        sectors(sectors(array, 62 - 2), 62 - 2) + sectors(array, last - 62) + header(last, 1, 62)

def chain():
    disk = bytearray(64 * 512)
    for at, entries in ((0, ((0x83, 1, 9), (0x0f, 10, 50))), (10, ((0x83, 1, 9), (5, 20, 20))),
                        (30, ((0x83, 1, 9), (5, 10, 9))), (20, ((0x83, 1, 2),))):
        disk[at * 512:at * 512 + 512] = mbr(*entries)
    return b"\x80" + bytes(disk)

for name, data in (("primary", b"\x80" + mbr((0x83, 1, 10), (7, 20, 20))), ("chain", chain()),
                   ("gpt", gpt(512, 0)), ("gpt_sealed", gpt(512, 0x40)),
                   ("gpt_4096", gpt(4096, 0x43)[:40000])):
    with open(sys.argv[1] + "/" + name, "wb") as f:
        f.write(data)
EOF

# File systems on discs and sticks: what lies behind the 16 sectors that ISO 9660 leaves free;
# FAT behind two bytes that say the size of the device, without the zeros at its end.
mkdir -p "$out/iso9660" "$out/fat"
tree=$(mktemp -d)
mkdir -p "$tree/files/a/b" "$tree/files/moved/1/2/3/4/5/6/7/8/9"
echo one >"$tree/files/A file with a long name.txt"
head -c 3000 /dev/zero >"$tree/files/a/b/ZEROS.BIN"
ln -s "a/b/ZEROS.BIN" "$tree/files/a/link"
iso9660() { # name, xorriso's options
	name=$1
	shift
	xorriso "$@" >/dev/null 2>&1
	tail -c +32769 "$tree/image" >"$out/iso9660/$name"
	rm "$tree/image"
}
iso9660 rock -padding 0 -compliance deep_paths_off -rr_reloc_dir rr -outdev "$tree/image" \
	-map "$tree/files" /
iso9660 joliet -as mkisofs -J --norock -no-pad -o "$tree/image" "$tree/files"
iso9660 plain -as mkisofs --norock -no-pad -o "$tree/image" "$tree/files/a"
rm "$tree/files/a/link"
fat() { # name, units of 64 KiB, mformat's options
	name=$1
	units=$2
	shift 2
	truncate -s $((units * 65536)) "$tree/image"
	MTOOLS_SKIP_CHECK=1 mformat -i "$tree/image" "$@" ::
	MTOOLS_SKIP_CHECK=1 mcopy -s -i "$tree/image" "$tree/files/"* ::
	python3 - "$tree/image" "$units" >"$out/fat/$name" <<'PYTHON'
import sys
data = open(sys.argv[1], "rb").read().rstrip(b"\0")
sys.stdout.buffer.write(int(sys.argv[2]).to_bytes(2, "little") + data)
PYTHON
	rm "$tree/image"
}
fat fat12 5 -f 320
fat fat16 64 -T 8192 -h 16 -s 32 -c 1
rm -r "$tree"
# mformat makes no FAT32 this small: a root directory of two clusters, a file, a directory.
python3 - "$out/fat/fat32" <<'EOF'
import struct, sys

boot = b"\xeb\x58\x90MSWIN4.1" + struct.pack(
    "<HBHBHHBHHHIIIHHIHH12xBBBI11s8s", 512, 1, 2, 1, 0, 100, 0xf8, 0, 32, 2, 0, 0, 1, 0, 0, 2, 1,
    0, 0x80, 0, 0x29, 7, b"STICK      ", b"FAT32   ")
info = b"RRaA" + bytes(480) + b"rrAa" + struct.pack("<II12xI", 60, 7, 0xaa550000)
end = 0x0fffffff
table = struct.pack("<8I", 0x0ffffff8, end, 3, end, 5, end, end, end)

def entry(name, attributes, first, size):
    return struct.pack("<11sBB7xHHHHI", name, attributes, 0x18, 0, 0, 0x5821, first, size)

def long_name(short, text):
    total = 0
    for c in short:
        total = ((total >> 1 | total << 7) + c) & 0xff
    units = (text + "\0").encode("utf-16-le").ljust(52, b"\xff")
    return b"".join(bytes([n]) + u[:10] + bytes([15, 0, total]) + u[10:22] + bytes(2) + u[22:]
                    for n, u in ((0x42, units[26:]), (1, units[:26])))

root = entry(b"STICK      ", 8, 0, 0) + long_name(b"ALONGN~1TXT", "A long n\u00e4me.txt") + \
    entry(b"ALONGN~1TXT", 32, 4, 700) + bytes([0xe5]) * 448 + entry(b"DIR        ", 16, 6, 0)
inner = entry(b".          ", 16, 6, 0) + entry(b"..         ", 16, 0, 0) + \
    entry(b"EMPTY   X  ", 32, 0, 0)
sectors = [boot.ljust(510, b"\0") + b"\x55\xaa", info, table, root[:512], root[512:], b"x" * 512,
           b"x" * 188, inner]
with open(sys.argv[1], "wb") as f:
    f.write(b"\1\0" + b"".join(s.ljust(512, b"\0") for s in sectors))
EOF

# Directories: a linear one, hashed ones of one and two levels; the third byte is where new blocks lie.
python3 - "$out/ext4_dir" <<'EOF'
import struct, sys

def entry(ino, size, name):
    return (struct.pack("<IHBB", ino, size, len(name), 1) + name).ljust(size, b"\0")

def leaf(names):
    out = b"".join(entry(12, (8 + len(n) + 3) & ~3, n) for n in names[:-1])
    return out + entry(12, 1024 - len(out), names[-1])

def index(head, limit, first, second):
    table = struct.pack("<HHIII", limit, 2 if second else 1, first, 0x80000000, second)
    return (head + table).ljust(1024, b"\0")

def root(levels, first, second):
    return index(entry(11, 12, b".") + entry(2, 1012, b"..")[:12] +
                 struct.pack("<IBBBB", 0, 1, 8, levels, 0), 124, first, second)

def node(first, second):
    return index(struct.pack("<IHBB", 0, 1024, 0, 0), 127, first, second)

full = b"".join(leaf([b"%c%02d" % (97 + i, n) for n in range(60)]) for i in range(4))
dots = entry(11, 12, b".") + entry(2, 1012, b"..")
for name, data in (("linear", bytes([1, 1, 0, 0]) + dots + full),
                   ("one", bytes([1, 1, 0, 0]) + entry(11, 12, b".") + entry(2, 12, b"..") +
                    entry(12, 1000, b"file")),
                   ("hashed", bytes([5, 1, 0, 0]) + root(0, 1, 2) + full),
                   ("taken", bytes([5, 1, 1, 0]) + root(0, 1, 2) + full),
                   ("levels", bytes([5, 1, 0, 0]) + root(1, 1, 2) + node(3, 4) + node(5, 6) + full)):
    with open(sys.argv[1] + "/" + name, "wb") as f:
        f.write(data)
EOF

# The bus and its SCSI controller: rows of steps, as the targets number them.
python3 - "$out" <<'PY'
import os
import struct
import sys

def seeds(target, **rows):
    folder = os.path.join(sys.argv[1], target)
    os.makedirs(folder, exist_ok=True)
    for name, row in rows.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(bytes(row))

def u16(n):
    return list(struct.pack("<H", n))

def u32(n):
    return list(struct.pack("<I", n))

def write(header, payload, number):
    return [0, header] + u16(payload) + [number]

READ, RELEASE = [1], [3]
FULL = write(1, 2000, 1) * 4 + write(0, 2000, 2)
seeds("vmbus_ring",
      few=write(0, 64, 1) + write(2, 33, 2) + READ + RELEASE + READ + READ + RELEASE,
      full=FULL + READ + RELEASE + READ + RELEASE + FULL + READ * 5 + RELEASE,
      masked=[4, 0] + write(0, 8, 1) + [4, 1] + READ + write(0, 8, 2),
      little=write(0, 200, 1) + [2, 8] + READ,
      index=write(0, 64, 1) + [5] + u16(0) + u32(0xffffffff) + READ,
      backwards=write(0, 64, 1) + READ + RELEASE + [5] + u16(0) + u32(8) + READ,
      pending=write(0, 64, 1) + [5] + u16(3) + u32(8192) + READ + RELEASE,
      length=write(0, 64, 1) + [6] + u16(0) + [6, 0, 2, 0, 255, 255, 0, 0] + READ,
      header=write(0, 64, 1) + [6] + u16(0) + [6, 0, 255, 255, 10, 0, 0, 0] + READ)

CONNECT = [0, 4]
def gpadl(relid, number, first, count):
    return [1, relid, number, first, count - 1]
def opened(relid, number, first):
    return gpadl(relid, number, first, 8) + [2, relid, number, 4 * 8 + 1]
PACKET, SIGNAL, CLOSE = [9, 0, 0, 6, 2, 10], [8, 0], [4, 0, 1]
LIFE = CONNECT + opened(1, 1, 0) + PACKET + SIGNAL
seeds("vmbus_server",
      life=LIFE + CLOSE + [3, 1, 1] + opened(1, 1, 0),
      versions=[0, 0, 0, 6, 0, 7, 0, 1],
      torn=LIFE + [12, 128, 3, 1, 1] + CLOSE + [3, 1, 1, 13, 0],
      rescind=LIFE + [11, 0, 4, 1, 1, 11, 0],
      long=CONNECT + gpadl(1, 2, 0, 40) + [3, 1, 2],
      missing=CONNECT + gpadl(1, 2, 20, 40),
      sub=LIFE + [11, 2] + opened(3, 2, 8) + [8, 2] + CLOSE + [4, 1, 3, 11, 2],
      unload=LIFE + [12, 128, 6, 13, 0] + CONNECT,
      contact=LIFE + [12, 128] + CONNECT + [13, 0],
      modify=LIFE + [5, 1, 2, 5, 1, 5, 5, 3, 0],
      lack=CONNECT + [14, 1] + opened(1, 1, 0) + [14, 2] + opened(1, 1, 0) + [14, 4] + opened(1, 1, 0),
      index=LIFE + [10, 0, 0, 0, 3, 5, 0, 0, 0] + SIGNAL,
      full=LIFE + (PACKET + SIGNAL) * 9,
      raw=[7, 40] + u32(14) + u32(0) + u32(0x50003) + u32(1) + [0] * 24 + [7, 8] + u32(3) + u32(0))

def request(kind, sectors, opcode, page=0, lun=0, channel=0):
    return [12 * channel, kind, sectors, lun, 18, 5, opcode, 0] + [page + i for i in range(8)]
READ8, WRITE8 = request(65, 8, 0), request(2, 8, 1)
END, ANSWER, TURN, OPEN, CLOSE = [3, 0, 0], [4], [5], [6], [7]
BEGIN = [1, 0, 0, 4, 1, 1, 4, 1, 2, 0, 4, 1, 3, 0, 4]
SUB = [1, 4, 1] + ANSWER + [9, 18]
seeds("storvsp", **{name: [len(name) & 1] + row for name, row in dict(
      io=WRITE8 + END + ANSWER + READ8 + END + ANSWER,
      many=READ8 * 6 + (END + ANSWER) * 6,
      errors=READ8 + [3, 0, 12] + ANSWER + READ8 + [3, 0, 16] + ANSWER,
      answers=request(65, 1, 4) + request(65, 1, 8) + request(65, 1, 9) + request(65, 1, 11) + ANSWER * 4,
      flush=request(128 + 9, 0, 5) + END + ANSWER + request(128 + 9, 0, 7) + ANSWER,
      unmap=[10, 16] + u16(0) + [15, 0, 22, 0, 16] + [0] * 12 + [10, 16] + u16(16) + [7, 0, 0, 0, 8] + [0] * 4
          + [0, 34, 1, 0, 18, 5, 6, 10] + [0] * 7 + [24] + [0] * 15 + END + ANSWER,
      closing=READ8 + CLOSE + END + OPEN + BEGIN + READ8 + END + ANSWER,
      disks=READ8 + [8, 0] + END + ANSWER * 2 + READ8 + ANSWER + [8, 0, 8, 1],
      absent=request(65, 1, 4, lun=2) + request(128 + 9, 0, 7, lun=2) + ANSWER * 2,
      reset=READ8 + [1, 5, 0] + END + ANSWER * 2 + [1, 6, 0] + ANSWER,
      sub=SUB + request(65, 8, 0, channel=1) + END + [16] + CLOSE + [11, 0],
      raw=[2, 9, 7, 3, 64] + [0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 17] + [0] * 7 + [3] + [0] * 63 + ANSWER,
      ring=READ8 + [10, 0, 0, 0, 3, 5, 0, 0, 0] + TURN + END + OPEN,
      busy=(READ8 * 20 + TURN + (END + ANSWER) * 20) * 5,
      quiet=(READ8 * 20 + TURN + (END + ANSWER) * 20) * 5 + [5, 5, 5, 5]).items()})

def command(direction, length, *cdb, kind=0x18, how=6, parameters=()):
    return ([kind] + u32(0x5fffff) + u16(64) + list(range(16)) + [how, direction] + u32(length)
            + list(cdb) + [0] * (16 - len(cdb)) + list(parameters) + [0])
LIST = [0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 64, 0, 0, 0, 0]
seeds("scsi",
      inquiry=command(1, 36, 0x12, 0, 0, 0, 36), absent=command(1, 36, 0x12, 0, 0, 0, 36, how=7),
      pages=command(1, 255, 0x12, 1, 0, 0, 255), serial=command(1, 255, 0x12, 1, 0x80, 0, 255),
      identity=command(1, 255, 0x12, 1, 0x83, 0, 255), limits=command(1, 255, 0x12, 1, 0xb0, 0, 255),
      kinds=command(1, 255, 0x12, 1, 0xb1, 0, 255), thin=command(1, 255, 0x12, 1, 0xb2, 0, 255),
      mode6=command(1, 255, 0x1a, 0, 0x3f, 0, 255), mode10=command(1, 255, 0x5a, 0, 8, 0, 0, 0, 0, 0, 255),
      capacity10=command(1, 8, 0x25), capacity16=command(1, 32, 0x9e, 0x10, *[0] * 11, 32),
      read10=command(1, 4096, 0x28, 0, 0, 0x12, 0x34, 0x56, 0, 0, 8),
      write10=command(2, 1024, 0x2a, 8, 0, 0, 0, 1, 0, 0, 2),
      read16=command(1, 512, 0x88, *[0] * 12, 1), write16=command(2, 512, 0x8a, *[0] * 12, 1),
      flush=command(0, 0, 0x35), flush16=command(0, 0, 0x91), sense=command(1, 18, 3, 0, 0, 0, 18),
      luns=command(1, 4096, 0xa0, 0, 0, 0, 0, 0, 0, 0, 16, 0), ready=command(0, 0, 0),
      unmap=command(2, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, parameters=[24] + LIST),
      unknown=command(0, 0, 0xff))
PY

# Saved states of the bus, in front of the guest's memory: not connected; offers wanted; a controller open on four pages, with a
# packet and an answer that wait, a sub-channel, and requests in its ring.
mkdir -p "$out/vmbus_state"
python3 - "$out/vmbus_state" <<'EOF'
import struct, sys

SCSI = bytes.fromhex("d96361baa104294db60572e2ffb1dc7f")

def server(version, offers, gpadls=(), channels=()):
    return struct.pack("<IIIIIII", 0x53424d56, 1, version, 1, offers, len(gpadls), len(channels)) + \
        b"".join(gpadls) + b"".join(channels)

def gpadl(relid, number, pfns, told):
    size = 28 + 8 * told
    return struct.pack("<IIIIIIHHII", size, 0, 8, 0, relid, number, 8 + 8 * len(pfns), 1,
                       4096 * len(pfns), 0) + struct.pack("<%dQ" % told, *pfns[:told])

def channel(index, relid, state, provider, rings=(0, 0, 0, 0, 0, 0)):
    return SCSI + b"\1".ljust(16, b"\0") + struct.pack("<IIIIIIIII", index, relid, state, *rings) + \
        bytes(120) + struct.pack("<I", len(provider)) + provider

def controller(step, wanted, channels, packet=b"", answers=()):
    return struct.pack("<IIII", 1, 0, int(packet != b""), len(answers)) + packet + b"".join(answers) + \
        struct.pack("<IIII", step, wanted, channels, 1) + \
        struct.pack("<IIQI16s", 0, 512, 2048, 0, b"\1")

def srb(opcode, direction, length):
    cdb = bytes([opcode, 0, 0, 0, 0, 0, 0, 0, length // 512, 0]).ljust(20, b"\0")
    return struct.pack("<III", 3, 1, 0) + struct.pack("<HBBBBBBBBBBI", 52, 0, 0, 0, 0, 0, 0, 10, 20,
                                                      direction, 0, length) + cdb + bytes(16)

def read(number):
    head = struct.pack("<HHHHQIIIIQ", 9, 5, 13, 1, number, 0, 1, 512, 0, 8)
    return head + srb(0x28, 1, 512)

def saved_packet(data):
    return struct.pack("<HHIIQ", 9, 1, 40, len(data), 77) + data

def ring(write, packets=b""):
    return struct.pack("<IIII", write, 0, 0, 0).ljust(4096, b"\0") + packets.ljust(4096, b"\0")

other = struct.pack("<IIII", 1, 0, 0, 0)
answer = struct.pack("<Q", 5) + struct.pack("<III", 1, 0, 0) + bytes(52)
packets = b"".join(read(n) + bytes(8) for n in (1, 2, 3))
opened = server(0x50003, 1, (gpadl(1, 5, [0, 1, 2, 3], 4), gpadl(1, 6, [8] * 40, 26)),
                (channel(0, 1, 2, controller(4, 2, 2, saved_packet(read(9)), (answer, answer)),
                         (5, 2, 1, 0, 0, 0)), channel(1, 2, 1, other)))
for name, state, memory in (("unconnected", server(0, 0), b""),
                            ("connected", server(0x50003, 0), b""),
                            ("offered", server(0x50002, 1, (), (channel(0, 1, 1, controller(0, 0, 0)),)), b""),
                            ("open", opened, ring(len(packets), packets) + ring(0))):
    with open(sys.argv[1] + "/" + name, "wb") as f:
        f.write(struct.pack("<H", len(state)) + state + memory)
EOF
