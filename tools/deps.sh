#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs the Debian packages that building, running and testing need; says
# nothing when none is missing. Bookworm and later. On another system it
# lists the tools that are missing and fails. Called by make.
set -eu

packages="gcc libc6-dev clang binutils make qemu-system-x86 seabios ovmf
    grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools
    bochs bochsbios vgabios python3 python3-pytest python3-pexpect libcmocka-dev
    libclang-rt-dev llvm clang-format gdb"
tools="gcc clang ld.bfd objcopy make qemu-system-x86_64 grub-mkimage xorriso mformat
    bochs python3 clang-format gdb"

list_tools() {
    status=0
    for tool in $tools; do
        command -v "$tool" >/dev/null 2>&1 && continue
        [ $status -eq 1 ] || echo "deps: this is not Debian; install what gives these tools:" >&2
        echo "  $tool" >&2
        status=1
    done
    for module in pytest pexpect; do
        python3 -c "import $module" 2>/dev/null && continue
        echo "  python3 module $module" >&2
        status=1
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
