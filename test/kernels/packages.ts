/** Debian packages of any architecture, unpacked into a folder; this machine's own packages and settings stay as they are. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class DebianPackages {
  private readonly folder: string;
  private readonly options: string[];

  /** @param folder keeps the lists and the packages, for another time. */
  constructor(folder: string, architecture: string) {
    this.folder = join(folder, architecture);
    mkdirSync(join(this.folder, "state", "lists", "partial"), { recursive: true });
    mkdirSync(join(this.folder, "cache", "archives", "partial"), { recursive: true });
    writeFileSync(join(this.folder, "state", "status"), "");
    this.options = [
      ...["-o", `APT::Architecture=${architecture}`, "-o", `APT::Architectures=${architecture}`],
      ...["-o", `Dir::State=${join(this.folder, "state")}`, "-o", `Dir::Cache=${join(this.folder, "cache")}`],
      ...["-o", `Dir::State::status=${join(this.folder, "state", "status")}`],
      // Its usual user may not write here.
      ...["-o", "APT::Sandbox::User=root"],
    ];
    this.run("apt-get", ["update", "-q"]);
  }

  /** What a package that only stands for others depends on: `linux-image-amd64` for the newest kernel. */
  dependencyOf(name: string): string {
    const found = /^ *Depends: (\S+)$/m.exec(this.run("apt-cache", ["depends", name]));
    if (!found) throw new Error(`${name} depends on nothing: is it in this distribution?`);
    return found[1];
  }

  unpack(names: readonly string[], into: string): void {
    mkdirSync(into, { recursive: true });
    for (const name of names) {
      const isThere = (file: string): boolean => file.startsWith(`${name}_`);
      if (!readdirSync(this.folder).some(isThere)) this.run("apt-get", ["download", name]);
      const file = readdirSync(this.folder).find(isThere);
      if (!file) throw new Error(`${name}: no such package was downloaded`);
      execFileSync("dpkg", ["-x", join(this.folder, file), into]);
    }
  }

  private run(command: string, args: readonly string[]): string {
    const stdio: ["ignore", "pipe", "inherit"] = ["ignore", "pipe", "inherit"];
    return execFileSync(command, [...this.options, ...args], { cwd: this.folder, encoding: "utf8", stdio });
  }
}
