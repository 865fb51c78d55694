#!/bin/sh
# The leakline command. One thread is enough for V8 to compile in and collect garbage with: the four that Node gives it
# otherwise take their time from the command itself where there are two processors, a fifth of a short one
# (docs/performance.md). Node has no other way to say so but an option, and BusyBox's `env` takes none in a first line.
if ! command -v node >/dev/null; then
  echo 'leakline: no node on PATH; install Node.js, 20.19 or newer. With sudo: sudo env "PATH=$PATH" leakline ...' >&2
  exit 127
fi
self=$(readlink -f "$0")
exec node --v8-pool-size=1 "${self%/*}/main.js" "$@"
