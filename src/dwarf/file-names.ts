/** The directories or files that a line program's header lists: as columns, for a unit may name a thousand headers. */

import { Float64List, Int32List } from "./growable.ts";

export class FileNames {
  /** By number, from 0: the form of the name, and its value as attributes.ts reads it. */
  readonly form = new Int32List();
  readonly value = new Float64List();
  /** Of a file: the number of its directory. */
  readonly directory = new Int32List();

  get length(): number {
    return this.form.length;
  }

  clear(): void {
    this.form.length = this.value.length = this.directory.length = 0;
  }

  add(form: number, value: number, directory: number): void {
    this.form.push(form);
    this.value.push(value);
    this.directory.push(Math.min(directory, 0x7fffffff));
  }
}
