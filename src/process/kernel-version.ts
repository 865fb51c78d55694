/**
 * Kernel versions, as uname(2) gives them: `6.1.0-18-amd64`.
 */

export type KernelVersion = readonly [major: number, minor: number];

/** @returns undefined when the release does not start with two numbers. */
export function parseKernelVersion(release: string): KernelVersion | undefined {
  const match = /^(\d+)\.(\d+)/.exec(release);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

export function isAtLeast(version: KernelVersion, minimum: KernelVersion): boolean {
  return version[0] > minimum[0] || (version[0] === minimum[0] && version[1] >= minimum[1]);
}
