/** Paths as text, with `/`: those of the recorded process, which need not exist on this machine. */

/** What is in front of the last slash; empty for a file in the root. */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** What is behind the last slash. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `path`, counted from `folder` unless it is absolute. */
export function joinPath(folder: string, path: string): string {
  return path.startsWith("/") ? path : `${folder}/${path}`;
}

/** Where a build-ID directory (GDB manual, "Debugging Information in Separate Files") keeps a file. */
export function buildIdPath(directory: string, buildId: string, suffix: string): string {
  return `${directory}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}${suffix}`;
}
