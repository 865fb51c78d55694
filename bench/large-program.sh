#!/bin/sh
# Builds the tutorial's leaking program with much debug information around it: COPIES units, about 1 MB of it each.
#
#   sh bench/large-program.sh OUTPUT COPIES
#
# All functions of the generated unit are static, so one object can be linked any number of times: each copy brings its
# own units, abbreviations and line program.
set -eu
output=$1
copies=$2
here=$(dirname "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

awk 'BEGIN {
	for (t = 0; t < 2600; t++) {
		printf "struct record_%d {\n", t
		for (m = 0; m < 8; m++) printf "\tlong member_%d_of_%d[%d];\n", m, t, m + 1
		printf "\tstruct record_%d *next;\n};\n", t ? t - 1 : 0
	}
	for (f = 0; f < 200; f++) {
		printf "__attribute__((used, noinline)) static long work_%d(long n)\n{\n\tlong sum = n;\n", f
		for (v = 0; v < 20; v++) printf "\tlong local_%d = sum * %d;\n\tsum += local_%d;\n", v, v + f, v
		printf "\treturn sum;\n}\n"
	}
}' >"$folder/unit.c"
gcc -g3 -O0 -fno-eliminate-unused-debug-types -c "$folder/unit.c" -o "$folder/unit.o"
gcc -g -O0 -c "$here/../demo/test_memleak.c" -o "$folder/leak.o"
units=
i=0
while [ "$i" -lt "$copies" ]; do
	ln "$folder/unit.o" "$folder/unit-$i.o"
	units="$units $folder/unit-$i.o"
	i=$((i + 1))
done
# The leak stands in the middle.
# shellcheck disable=SC2086
gcc -o "$output" $units "$folder/leak.o" $units
