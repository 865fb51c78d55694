/** Demangling of C++ and Rust symbol names. See README.md. */

export { type DemangleOptions, demangle } from "./demangle.ts";
