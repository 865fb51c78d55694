#!/bin/sh
# Records the tutorial's program anew, for `leakline demo` where nothing can be traced: leak.rec, and the program below
# root/ at the path where it ran. Needs root, and dist/ (npm run build).
set -eu
cd "$(dirname "$0")"
folder=/tmp/leakline-demo
mkdir "$folder"
trap 'kill "$program" 2>/dev/null; rm -rf "$folder"' EXIT
cp ../test_memleak.c "$folder"
(cd "$folder" && gcc -g -O0 -o test_memleak test_memleak.c)
"$folder/test_memleak" &
program=$!
sleep 1

rm -rf leak.rec root
mkdir -p "root$folder"
cp "$folder/test_memleak" "root$folder/"
node ../../dist/cli/main.js record -p "$program" -o "$folder/leak.rec" -i 3 -d 8

# As it was recorded, but without the suffix of the kernel's release, which tells of the machine.
RECORDING=$folder/leak.rec node --input-type=module <<'END'
import { readFileSync } from "node:fs";
import { memorySource } from "../../dist/base/bytes.js";
import { readRecording } from "../../dist/recording/reader.js";
import { createRecording } from "../../dist/recording/writer.js";
const path = process.env.RECORDING;
const writer = createRecording("leak.rec");
readRecording(memorySource(path, readFileSync(path)), (event) =>
  writer.add(event.kind === "start" ? { ...event, kernel: event.kernel.replace(/-.*/, "") } : event),
);
writer.close();
END
chmod 644 leak.rec
