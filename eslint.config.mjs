// Lint rules, and the import direction of ARCHITECTURE.md as one fence per folder.
import eslint from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** Every module of Node, with and without the prefix. */
const nodeModules = { regex: "^(node:|(assert|buffer|child_process|crypto|events|fs|module|os|path|process|stream|timers|url|util|worker_threads)(/|$))" };
const vscode = { regex: "^vscode$" };

/** @param {string[]} files @param {({ regex: string, message: string })[]} patterns */
function fence(files, patterns) {
  return { files, rules: { "no-restricted-imports": ["error", { patterns }] } };
}

export default defineConfig(
  { ignores: ["dist/", ".vscode-test/", "node_modules/"] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["*.mjs"] }, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "max-lines": ["error", 500],
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // An underscore says: left out on purpose.
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "all" }],
      // A method that has nothing to wait for may still promise: the ports are asynchronous.
      "@typescript-eslint/require-await": "off",
    },
  },
  { files: ["**/*.mjs"], extends: [tseslint.configs.disableTypeChecked] },

  // The fences. Each states what its folder must not import; everything else is allowed.
  fence(["src/engine/**/*.ts"], [
    { ...nodeModules, message: "The engine runs without Node: ask for a port in layer.ts." },
    { ...vscode, message: "The engine knows nothing of VS Code." },
    { regex: "^\\.\\./(\\.\\./)*(host|vscode|patch|carry|apply|mount|extension)", message: "The engine imports only the engine." },
  ]),
  fence(["src/host/**/*.ts"], [
    { ...vscode, message: "A host runs without VS Code." },
    { regex: "/engine/(?!(layer|errors|paths|types)(\\.ts|\\.js)?$)", message: "A host sees the engine's ports only: layer, errors, paths, types." },
    { regex: "/(vscode|extension)(/|\\.|$)", message: "A host runs without VS Code." },
    { regex: "/(carry|apply|search)/", message: "Only the host's index imports what is built on hosts; src/apply writes the base (INV-1)." },
  ]),
  // What overlay.mjs exports puts engine and node host together, so this one file of the host sees the engine's index too.
  fence(["src/host/index.ts"], [
    { ...vscode, message: "A host runs without VS Code." },
    { regex: "/engine/(?!(index|layer|errors|paths|types)(\\.ts|\\.js)?$)", message: "Import the engine through its index." },
    { regex: "/(vscode|extension)(/|\\.|$)", message: "A host runs without VS Code." },
  ]),
  fence(["src/patch/**/*.ts"], [
    { ...nodeModules, message: "Patches are made without Node: ask for it in the Codec of types.ts." },
    { ...vscode, message: "A patch knows nothing of VS Code." },
    { regex: "^\\.\\./", message: "src/patch imports only itself." },
    { regex: "/node(\\.ts|\\.js)?$", message: "The codec on Node is handed in." },
  ]),
  fence(["src/patch/node.ts"], [
    { ...vscode, message: "A patch knows nothing of VS Code." },
    { regex: "^\\.\\./", message: "src/patch imports only itself." },
  ]),
  // What is carried out never writes the base; what does is src/apply, which the host's index alone may import.
  fence(["src/carry/**/*.ts"], [
    { ...vscode, message: "What is carried out is carried without VS Code." },
    { regex: "/engine/(?!index(\\.ts|\\.js)?$)", message: "Import the engine through its index." },
    { regex: "/host/index(\\.ts|\\.js)?$", message: "The host's index imports this folder." },
    { regex: "/(apply|vscode|extension)(/|\\.|$)", message: "This folder never writes the base, and knows no VS Code." },
  ]),
  fence(["src/apply/**/*.ts"], [
    { ...vscode, message: "Apply runs without VS Code." },
    { regex: "/engine/(?!index(\\.ts|\\.js)?$)", message: "Import the engine through its index." },
    { regex: "/host/index(\\.ts|\\.js)?$", message: "The host's index imports this folder." },
    { regex: "/(vscode|extension)(/|\\.|$)", message: "Apply runs without VS Code." },
  ]),
  fence(["src/search/**/*.ts"], [
    { ...vscode, message: "Search runs without VS Code." },
    { regex: "/engine/(?!index(\\.ts|\\.js)?$)", message: "Import the engine through its index." },
    { regex: "/(host|carry|apply|patch|vscode|extension)(/|\\.|$)", message: "Search asks the engine and runs ripgrep: it needs nothing else." },
  ]),
  fence(["src/vscode/**/*.ts"], [
    { regex: "/engine/(?!index(\\.ts|\\.js)?$)", message: "The adapter imports the engine through its index." },
    { regex: "/search/(?!types(\\.ts|\\.js)?$)", message: "A searcher is handed to the adapter; only its shapes are imported." },
    { regex: "/(host|carry|apply|mount|extension)(/|\\.|$)", message: "Hosts are handed to the adapter by extension.ts." },
  ]),
  fence(["src/mount/**/*.ts"], [
    { ...vscode, message: "Mounts are made without VS Code." },
    { regex: "/engine/(?!(index|layer|errors|paths|types|openFlags)(\\.ts|\\.js)?$)", message: "Mounts see the engine through its index and what a host sees." },
    { regex: "/(carry|apply|patch|vscode|extension)(/|\\.|$)", message: "A mount never writes the base, and knows no VS Code." },
  ]),
  // A page in a web view has neither; of the adapter it has the pure files that both sides of the conversation know.
  fence(["src/webview/**/*.ts"], [
    { ...nodeModules, message: "A page runs in a browser." },
    { ...vscode, message: "A page runs in a browser." },
    { regex: "^\\.\\./(\\.\\./)*(engine|host|patch|carry|apply|search|extension)", message: "A page knows its extension by messages alone." },
    { regex: "/vscode/(?!find/(protocol|results|replacePattern|textQuery)(\\.ts|\\.js)?$)", message: "A page imports the pure files of src/vscode/find alone." },
  ]),
  fence(["src/*.ts"], [
    { regex: "/engine/(?!index(\\.ts|\\.js)?$)", message: "Import the engine through its index." },
    { regex: "/apply/", message: "Only the host's index imports what writes the base (INV-1)." },
  ]),

  {
    files: ["test/**/*.ts"],
    rules: {
      // Assertion helpers and mocha hooks take async functions where void is declared.
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
    },
  },
);
