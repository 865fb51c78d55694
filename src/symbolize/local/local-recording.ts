/** A recording in a file of this machine, with the binaries that resolve it. */

import { openFile } from "../../os/file-bytes.ts";
import { readRecording } from "../../recording/reader.ts";
import { Recording } from "../../recording/recording.ts";
import { Symbolizer } from "../symbolizer.ts";
import { type LocalFilesOptions, localFiles } from "./local-files.ts";

export type LocalRecording = {
  readonly recording: Recording;
  /** `resolveStack` gives the frames of each of `recording.stacks`. */
  readonly symbolizer: Symbolizer;
  /** Why it could be read only in part; undefined when all of it was read. */
  readonly damage: string | undefined;
};

/**
 * Reads a recording to its end, or to the first damage; opens no binary before a stack needs it.
 *
 * @param options where the recorded binaries are; those with another build ID are never used.
 * @throws LeaklineError when the file is no recording or cannot be read.
 */
export function openLocalRecording(path: string, options: LocalFilesOptions = {}): LocalRecording {
  const file = openFile(path);
  try {
    const recording = new Recording();
    const { damage } = readRecording(file, (event) => recording.apply(event));
    return { recording, symbolizer: new Symbolizer(recording, localFiles(options)), damage };
  } finally {
    file.close();
  }
}
