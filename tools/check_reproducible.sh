#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_reproducible.sh BUILD: builds the images and the ISO once more, from a
# copy of the sources in another directory, and compares every byte.
set -eu
build=$1
copy=$build/reproducible/a-directory-with-quite-another-name
rm -rf "$build/reproducible"
mkdir -p "$copy"
tar -cf - --exclude=./build --exclude=./.git --exclude="./${build#./}" . | tar -xf - -C "$copy"
make -s -C "$copy" CC="${CC:-gcc}" BUILD=out images guests iso
status=0
for file in hypervisor.elf rootpart.elf worker.elf boot.cpio verdigris.iso hypervisor.debug rootpart.debug; do
    cmp "$build/$file" "$copy/out/$file" || status=1
done
rm -rf "$build/reproducible"
exit $status
