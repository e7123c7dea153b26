// One VS Code server from the npm registry: started on loopback with folders of its own, stopped with all its children.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { makeTemp, removeTemp, runToEnd, start, type Started } from "../processes.ts";
import { installServer } from "./install.ts";

export interface ServerFolders {
  /** Everything this server remembers: user data, extensions, its port. */
  data: string;
}

export interface ServerOptions {
  folders: ServerFolders;
  env?: Readonly<Record<string, string>>;
  /** User settings, merged over those that are there. */
  settings?: Readonly<Record<string, unknown>>;
  /** Honour the `payload` of the URL: a development extension, and its tests. */
  testDriver?: boolean;
  /** VS Code asks before it trusts a folder; tests that are not about that turn it off. */
  workspaceTrust?: boolean;
}

export interface Server {
  readonly origin: string;
  readonly authority: string;
  /** Resolves with the exit code, -1 when it was ended. */
  readonly ended: Promise<number>;
  /** What it has printed so far. */
  output(): string;
  stop(): Promise<void>;
}

export const extensionsFolder = (folders: ServerFolders): string => join(folders.data, "extensions");
/** Settings of scope "machine" are read from the second alone, everything else from either. */
const settingsFiles = (folders: ServerFolders): string[] => ["User", "Machine"].map((name) => join(folders.data, "data", name, "settings.json"));

const host = "127.0.0.1";

/** A browser keeps its storage per port, so a server that comes back asks for the one it had. */
async function choosePort(folders: ServerFolders): Promise<number> {
  const remembered = join(folders.data, "port");
  const wanted = existsSync(remembered) ? Number(readFileSync(remembered, "utf8")) : 0;
  return (await freePort(wanted)) ?? (await freePort(0)) ?? 0;
}

function freePort(wanted: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => { resolve(undefined); });
    probe.listen(wanted, host, () => {
      const address = probe.address();
      probe.close(() => { resolve(typeof address === "object" && address !== null ? address.port : undefined); });
    });
  });
}

function writeSettings(folders: ServerFolders, settings: Readonly<Record<string, unknown>>): void {
  for (const file of settingsFiles(folders)) {
    const before = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>) : {};
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, JSON.stringify({ ...before, ...settings }, undefined, 2));
  }
}

/** What the server inherits: nothing of a VS Code that happens to run this, nothing of npm's. */
export function cleanEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(VSCODE_|npm_|NODE_OPTIONS$|ELECTRON_RUN_AS_NODE$|INIT_CWD$|VITEST|OVERLAY_(WORKSPACE|TEST)_)/.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

/** Puts a packed extension where a server with these folders finds it. */
export async function installExtension(folders: ServerFolders, vsix: string): Promise<void> {
  const code = await installServer();
  const args = ["--install-extension", vsix, "--force", "--server-data-dir", folders.data, "--extensions-dir", extensionsFolder(folders)];
  const sockets = makeTemp("s");
  try {
    await runToEnd(process.execPath, [join(code, "out", "server-main.js"), ...args, "--accept-server-license-terms"], { cwd: code, env: cleanEnvironment({ TMPDIR: sockets }) });
  } finally {
    removeTemp(sockets);
  }
}

async function listening(server: Started): Promise<void> {
  const patience = 60_000;
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => { reject(new Error(`VS Code's server ${why}:\n${server.output()}`)); };
    const timer = setTimeout(() => { fail("did not listen in time"); }, patience);
    const look = (): void => {
      if (!server.output().includes("Extension host agent listening on")) return;
      clearTimeout(timer);
      resolve();
    };
    server.child.stdout?.on("data", look);
    void server.ended.then((exit) => {
      clearTimeout(timer);
      fail(`ended with ${exit}`);
    });
    look();
  });
}

export async function startServer(options: ServerOptions): Promise<Server> {
  const { folders } = options;
  const code = await installServer();
  mkdirSync(extensionsFolder(folders), { recursive: true });
  writeSettings(folders, options.settings ?? {});
  // A server that is ended leaves its sockets: they get a folder that goes with it. Its path is short, as sockets need.
  const sockets = makeTemp("s");
  // Another process may take the port between the question and the start: ask again then.
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort(folders);
    const server = start(process.execPath, [
      join(code, "out", "server-main.js"),
      "--host", host, "--port", String(port), "--without-connection-token", "--accept-server-license-terms",
      "--server-data-dir", folders.data, "--extensions-dir", extensionsFolder(folders), "--telemetry-level", "off",
      ...(options.testDriver === true ? ["--enable-smoke-test-driver"] : []),
      ...(options.workspaceTrust === false ? ["--disable-workspace-trust"] : []),
      "--disable-getting-started-override",
    ], { cwd: code, env: cleanEnvironment({ TMPDIR: sockets, ...options.env }) });
    try {
      await listening(server);
    } catch (error) {
      await server.stop();
      if (attempt < 3 && server.output().includes("EADDRINUSE")) continue;
      removeTemp(sockets);
      throw error;
    }
    writeFileSync(join(folders.data, "port"), String(port));
    const authority = `${host}:${port}`;
    return {
      origin: `http://${authority}`,
      authority,
      ended: server.ended,
      output: () => server.output(),
      async stop() {
        await server.stop();
        removeTemp(sockets);
      },
    };
  }
}
