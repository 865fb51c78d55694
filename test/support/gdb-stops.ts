/**
 * Stacks as gdb sees them: registers, memory and frames of a real program at a breakpoint and, if wanted, at each of
 * the instructions after it.
 */

import { writeFileSync } from "node:fs";
import { run } from "./oracle.ts";

export type GdbStop = {
  rip: bigint;
  rsp: bigint;
  rbp: bigint;
  /** Program counters, innermost first, up to the outermost frame. */
  frames: bigint[];
  /** The mapping that rsp lies in, from below rsp to its end, and the address of its first byte. */
  stack: Buffer;
  stackStart: bigint;
};

export type GdbSession = { stops: GdbStop[]; mappings: { start: bigint; end: bigint; offset: number; path: string }[] };

/** Run by gdb itself, which has Python inside. */
const SCRIPT = `
import gdb, json
for setting in ["pagination off", "confirm off", "backtrace past-main on", "backtrace past-entry off",
                "debuginfod enabled off", "debug-file-directory /nonexistent"]:
    gdb.execute("set " + setting)
gdb.execute("handle SIGUSR1 nostop noprint pass")
gdb.execute("break -qualified leaf", to_string=True)
gdb.execute("run", to_string=True)

def mappings():
    with open("/proc/%d/maps" % gdb.selected_inferior().pid) as maps:
        for line in maps:
            fields = line.split(None, 5)
            start, end = (int(part, 16) for part in fields[0].split("-"))
            yield start, end, fields[1], int(fields[2], 16), fields[5].strip() if len(fields) > 5 else ""

def stop():
    frame = gdb.newest_frame()
    registers = [int(frame.read_register(name)) & (2 ** 64 - 1) for name in ("rip", "rsp", "rbp")]
    start = registers[1] - 128
    end = min(next(m[1] for m in mappings() if m[0] <= registers[1] < m[1]), start + 65536)
    stack = bytes(gdb.selected_inferior().read_memory(start, end - start)).hex()
    frames = []
    while frame is not None:
        if frame.type() != gdb.INLINE_FRAME:
            frames.append(str(frame.pc()))
        frame = frame.older()
    return dict(registers=[str(r) for r in registers], frames=frames, stack=stack, stackStart=str(start))

stops = [stop()]
for i in range(STEPS):
    gdb.execute("stepi", to_string=True)
    stops.append(stop())
code = [dict(start=str(m[0]), end=str(m[1]), offset=m[3], path=m[4]) for m in mappings() if "x" in m[2]]
print("RESULT " + json.dumps(dict(stops=stops, mappings=code)))
gdb.execute("kill")
`;

/** Runs `program` to its first call of `leaf`, then `steps` instructions on. */
export function gdbStops(program: string, steps: number): GdbSession {
  const script = `${program}.gdb.py`;
  writeFileSync(script, SCRIPT.replace("STEPS", String(steps)));
  const output = run("gdb", "-nx", "-batch", "-x", script, program);
  const { stops, mappings } = JSON.parse(/^RESULT (.*)$/m.exec(output)?.[1] ?? "") as Printed;
  return {
    stops: stops.map(({ registers, frames, stack, stackStart }) => ({
      rip: BigInt(registers[0]),
      rsp: BigInt(registers[1]),
      rbp: BigInt(registers[2]),
      frames: frames.map(BigInt),
      stack: Buffer.from(stack, "hex"),
      stackStart: BigInt(stackStart),
    })),
    mappings: mappings.map((mapping) => ({ ...mapping, start: BigInt(mapping.start), end: BigInt(mapping.end) })),
  };
}

type Printed = {
  stops: { registers: string[]; frames: string[]; stack: string; stackStart: string }[];
  mappings: { start: string; end: string; offset: number; path: string }[];
};
