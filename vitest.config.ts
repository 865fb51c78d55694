import { defineConfig } from "vitest/config";

// Two projects: "unit" needs nothing but Node and the oracles it names; "live" attaches to real processes with eBPF.
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts", "test/unit/**/*.test.ts"], testTimeout: 120_000 } },
      {
        test: {
          name: "live",
          include: ["test/live/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Live tests share the kernel's probes and two cores: one at a time.
          fileParallelism: false,
        },
      },
    ],
  },
});
