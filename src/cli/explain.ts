/** `leakline explain`: how an address becomes a line, step by step, with the real numbers. */

import { absoluteAddress, toSignedNumber } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { decompress } from "../compress/decompress.ts";
import { openElf } from "../elf/index.ts";
import { normalizeAddress } from "../normalize/normalize.ts";
import { readMaps } from "../process/live-maps.ts";
import { openMappedFile } from "../process/mapped-file.ts";
import { requireTarget } from "../process/process-info.ts";
import { type MappingStep, renderExplanation } from "../report/explain.ts";
import { toJson } from "../report/json.ts";
import { explainFileOffset, explainVirtual, type ModuleExplanation } from "../symbolize/explain.ts";
import { localFiles } from "../symbolize/local/local-files.ts";
import { openLocalModule } from "../symbolize/local/local-module.ts";
import { Module } from "../symbolize/module.ts";
import { parseAddresses } from "./addresses.ts";
import { type Arguments, type Command, parsePid, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { print } from "./output.ts";

export const explain: Command = {
  name: "explain",
  summary: "how an address becomes a function and a line, step by step",
  operands: "ADDRESS",
  options: {
    pid: { value: "PID", short: "p", help: "an absolute address of this process" },
    path: { value: "FILE", help: "a virtual address of this ELF file" },
    "file-offset": { help: "with --path: an offset into the file instead" },
    json: { help: "one JSON object" },
    "debug-dir": { value: "DIR", help: "look for separate debug files below DIR too", multiple: true },
  },
  examples: [
    ["sudo leakline explain --pid 22487 0x56076afcb6f2", "from /proc/PID/maps to the line"],
    ["leakline explain --path ./test_memleak 0x6f2", "within a file"],
  ],
  run,
};

async function run(given: Arguments): Promise<number> {
  const pid = given.text("pid");
  const path = given.text("path");
  if ((pid === undefined) === (path === undefined)) throw usageError("explain needs either --pid PID or --path FILE");
  const addresses = parseAddresses(given.operands);
  if (addresses.length !== 1) throw usageError("explain needs one ADDRESS");
  const [address] = addresses;
  if (pid !== undefined) explainInProcess(parsePid(pid), address, given);
  else explainInFile(path ?? "", address, given);
  return EXIT.done;
}

function explainInFile(path: string, address: bigint, given: Arguments): void {
  const module = openLocalModule(path, given.texts("debug-dir"));
  const value = toSignedNumber(address);
  answer(
    given,
    undefined,
    given.flag("file-offset") ? explainFileOffset(module, value) : explainVirtual(module, value),
  );
}

function explainInProcess(id: number, address: bigint, given: Arguments): void {
  const { pid } = requireTarget(id);
  const mappings = readMaps(pid);
  const found = normalizeAddress(mappings, absoluteAddress(address));
  if (found.kind === "unknown") {
    throw new LeaklineError("not-found", `${given.operands[0]}: ${found.reason} in process ${pid}`, {
      hint: `cat /proc/${pid}/maps shows what is mapped`,
    });
  }
  const { mapping } = found;
  const elf = openElf(openMappedFile(pid, mapping).bytes, { decompress });
  const module = new Module(elf, mapping.path, localFiles({ pid, debugDirectories: given.texts("debug-dir") }));
  const executable = mappings.filter(({ permissions }) => permissions.execute);
  answer(given, { pid, address, mappings: executable, mapping }, explainFileOffset(module, found.fileOffset));
}

function answer(given: Arguments, mapped: MappingStep | undefined, explanation: ModuleExplanation): void {
  if (!given.flag("json")) {
    print(renderExplanation(mapped, explanation));
    return;
  }
  const { rows, ...rest } = explanation;
  const lineRows = rows?.rows.map((row) => ({ ...row, file: rows.program.path(row.file) }));
  const mapping = mapped && { pid: mapped.pid, address: mapped.address, mapping: mapped.mapping };
  print(`${toJson({ version: 1, kind: "explanation", ...mapping, ...rest, rows: lineRows, row: rows?.row })}\n`);
}
