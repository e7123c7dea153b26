// One vitest project per folder under test/. The suite inside VS Code (test/vscode) runs in mocha instead.
import { defineConfig } from "vitest/config";

/** Milliseconds that one test of a project may take. */
const timeouts = {
  unit: 10_000,
  contract: 20_000,
  race: 60_000,
  crash: 120_000,
  differential: 120_000,
  interop: 120_000,
  ui: 180_000,
  package: 180_000,
};

/** These start a VS Code each, or mount: one file after the other, so that they do not starve each other. */
const serial = new Set(["ui", "package", "interop"]);

export default defineConfig({
  test: {
    projects: Object.entries(timeouts).map(([name, timeout]) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        setupFiles: ["test/support/seedSetup.ts"],
        testTimeout: timeout,
        hookTimeout: timeout,
        fileParallelism: !serial.has(name),
      },
    })),
  },
});
