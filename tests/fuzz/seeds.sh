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
