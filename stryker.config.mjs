// Mutation tests of the engine's changing half: each file below is changed in every small way that Stryker knows, and
// the unit tests must fail. What may survive, and why, is in CONTRIBUTING.md; the floor is `thresholds.break`.
const files = ["copyUp", "copyUpRegistry", "whiteout", "remove", "rename", "recover", "stage", "keepTimes", "workdir"];

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  mutate: files.map((name) => `src/engine/${name}.ts`),
  testRunner: "vitest",
  vitest: { configFile: "test/support/mutation.config.ts", related: false },
  coverageAnalysis: "perTest",
  // A mutant that loops without end blocks its worker, which is killed and replaced: most tests take a few milliseconds.
  timeoutMS: 2000,
  timeoutFactor: 2,
  concurrency: 1,
  thresholds: { high: 100, low: 95, break: 93 },
  reporters: ["clear-text", "html", "json"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: ".vscode-test/mutation/report.html" },
  jsonReporter: { fileName: ".vscode-test/mutation/report.json" },
  tempDirName: ".vscode-test/mutation/sandbox",
  ignorePatterns: ["*", "!src", "!src/**", "!test", "!test/**", "!package.json", "!tsconfig.json", "test/{vscode,ui,package,interop,differential}/**"],
  allowEmpty: false,
};
