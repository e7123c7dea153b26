// What the mutation tests run: the unit tests of the changing half of the engine, nothing that needs a disk or VS Code.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "mutation", include: ["test/unit/**/*.test.ts"], exclude: ["test/unit/{vscode-,patch,whereabouts,search}*.test.ts"],
    setupFiles: ["test/support/mutationSetup.ts"], testTimeout: 5000, hookTimeout: 5000,
  },
});
