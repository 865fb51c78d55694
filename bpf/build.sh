#!/bin/sh
# Compiles NAME.bpf.c into the objects that are committed beside it: NAME.<arch>.bpf.o.
# Users never need this. CI runs it with --check: the committed objects must be what the source compiles to.
# Needs clang-14, llvm-strip-14 and libbpf's headers (Debian: clang-14 llvm-14 libbpf-dev linux-libc-dev), for arm64
# also linux-libc-dev-arm64-cross. The versions are named because another compiler makes other bytes.
set -eu
cd "$(dirname "$0")"

compile() { # name, architecture, macro, header directory
	clang-14 -g -O2 -Wall -Werror -target bpf -mcpu=v3 "-D__TARGET_ARCH_$3" -I "$4" \
		-fdebug-compilation-dir=. -c "$1.bpf.c" -o "$out/$1.$2.bpf.o"
	llvm-strip-14 -g "$out/$1.$2.bpf.o"
}

out=.
if [ "${1:-}" = --check ]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
fi

compile memleak x86_64 x86 /usr/include/x86_64-linux-gnu
compile memleak arm64 arm64 /usr/aarch64-linux-gnu/include
compile probe-cost x86_64 x86 /usr/include/x86_64-linux-gnu

if [ "$out" != . ]; then
	for object in *.bpf.o; do
		cmp "$object" "$out/$object" || { echo "bpf/$object is not what the source compiles to: run npm run bpf" >&2; exit 1; }
	done
	echo "the committed eBPF objects are what the source compiles to"
fi
