/**
 * WebAssembly, as far as it is used here: a module without imports that exports its memory and functions.
 *
 * Declared here, since the library of types that has it is the browser's.
 */

export type WasmMemory = { readonly buffer: ArrayBuffer; grow(pages: number): number };

declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

/** Memory grows by so many bytes. */
export const WASM_PAGE = 1 << 16;

/** @param base64 the module. @returns what makes instances, each with a memory of its own. */
export function compileWasm<Exports>(base64: string): () => Exports {
  const text = atob(base64);
  const code = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) code[i] = text.charCodeAt(i);
  const module = new WebAssembly.Module(code);
  return () => new WebAssembly.Instance(module).exports as Exports;
}
