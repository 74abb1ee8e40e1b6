#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the first inputs of the fuzz targets: seeds.sh DIRECTORY fills
# DIRECTORY/NAME for each tests/fuzz/NAME_fuzz.c that lib/ has. Needs gcc.
set -eu

out=$1
mkdir -p "$out/cmdline" "$out/cpio" "$out/elf" "$out/insn" "$out/cli_words" "$out/lineedit" "$out/vm_config"

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
