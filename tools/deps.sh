#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs the Debian packages that building, running and testing need; says
# nothing when none is missing. Bookworm and later. On another system it
# lists the tools that are missing and fails. Called by make.
set -eu

packages="gcc e2fsprogs libc6-dev clang binutils make qemu-system-x86 seabios ovmf
    grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools dosfstools
    bochs bochsbios vgabios python3 python3-pytest python3-pexpect libcmocka-dev
    libclang-rt-dev llvm clang-format gdb"
tools="gcc clang ld.bfd objcopy make qemu-system-x86_64 grub-mkimage xorriso mformat mkfs.fat
    bochs python3 clang-format gdb"
# What no tool stands for: firmware, GRUB's modules, the unit tests' library.
files="/usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/bochs/BIOS-bochs-latest
    /usr/share/vgabios/vgabios.bin /usr/lib/grub/i386-pc/moddep.lst
    /usr/lib/grub/x86_64-efi/moddep.lst /usr/include/cmocka.h"

# One more thing that is missing, after a heading.
missing_thing() {
    [ $status -eq 1 ] || echo "deps: this is not Debian; install what gives these:" >&2
    echo "  $1" >&2
    status=1
}

list_tools() {
    status=0
    for tool in $tools; do
        command -v "$tool" >/dev/null 2>&1 || missing_thing "$tool"
    done
    for module in pytest pexpect; do
        "${PYTHON:-python3}" -c "import $module" 2>/dev/null || missing_thing "python3 module $module"
    done
    for file in $files; do
        [ -e "$file" ] || missing_thing "$file"
    done
    return $status
}

installed() {
    dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    list_tools
    exit
fi

missing=
for package in $packages; do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "deps: installing$missing"
$sudo apt-get update -q >/dev/null
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
