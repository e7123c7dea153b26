/**
 * The two hosts behind one face, for tests that must hold on both: a lower layer, a scratch layer, an outside reader,
 * and how to plant what a layer itself would never make.
 */
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { LowerLayer, OutsideReader, ScratchLayer } from "../../../src/engine/layer.js";
import { callThread } from "../../../src/host/callThread.js";
import { MemoryDisk } from "../../../src/host/memoryDisk.js";
import { MemoryLowerLayer, MemoryOutsideReader, MemoryScratchLayer } from "../../../src/host/memoryLayer.js";
import { plant } from "../../../src/host/memoryTree.js";
import { NodeLowerLayer, NodeOutsideReader } from "../../../src/host/nodeLayer.js";
import { NodeScratchLayer } from "../../../src/host/nodeScratch.js";
import type { ErrorCode } from "../../../src/engine/errors.js";
import { RemoteLowerLayer } from "../../../src/host/remoteLayer.js";
import { RemoteDisk } from "./remoteDisk.js";

/** Understood by both hosts; "x/" is a directory. */
export type Plant =
  | string
  | { readonly file: string; readonly mode?: number }
  | { readonly directory: true; readonly mode?: number }
  | { readonly symlink: string }
  | { readonly special: "fifo" | "socket" };

export type PlantTree = Readonly<Record<string, Plant>>;

export interface TestHost {
  readonly lower: LowerLayer;
  readonly scratch: ScratchLayer;
  readonly outside: OutsideReader;
  /** Physical paths of the two roots. */
  readonly lowerRoot: string;
  readonly scratchRoot: string;
  plantLower(tree: PlantTree): Promise<void>;
  plantScratch(tree: PlantTree): Promise<void>;
  /** A name, and a symlink's target, that are not valid Unicode. */
  plantUndecodable(directory: string): Promise<void>;
  /** How many handles are open: a suite ends with as many as it began. */
  openHandles(): Promise<number>;
  dispose(): Promise<void>;
}

export interface HostKind {
  readonly name: string;
  make(): Promise<TestHost>;
  /** The error that this kind gives instead, by title; "none" where it is no error here. */
  differs?(title: string): ErrorCode | "none" | undefined;
}

/** The lower is what a file system provider of VS Code serves; the scratch is a disk's. Links are what they lead to. */
export const remoteKind: HostKind = {
  name: "remote",
  make: async () => {
    const host = await makeNodeHost();
    const lower = new RemoteLowerLayer(new RemoteDisk(host.lowerRoot), { name: "remote:/base" });
    return {
      ...host, lower,
      plantLower: async (tree) => {
        await host.plantLower(tree);
        lower.forget();
        await lower.readDirectory(""); // so that each row finds the same known, whichever comes first
      },
    };
  },
  differs(title) {
    if (!/^(lstat|fingerprint|readdir|readlink|openRead|readFile)\b/.test(title)) return undefined;
    if (title.endsWith("beneath a symlink loop")) return "ENOTDIR"; // it leads to no folder
    if (/(readdir|openRead|readFile).* of a symlink( to a directory)?$/.test(title)) return "none";
    if (/(openRead|readFile).* of a dangling symlink$/.test(title)) return "EINVAL"; // no known type
    return undefined;
  },
};

export const hostKinds: readonly HostKind[] = [
  { name: "node", make: makeNodeHost },
  { name: "memory", make: async () => makeMemoryHost() },
  // Last: once the thread is there, all that a process does goes through it.
  { name: "node (call thread)", make: makeThreadHost },
];

const notUtf8 = Buffer.from([0x62, 0x61, 0x64, 0xff, 0xfe]);

export function temporaryFolder(prefix: string): string {
  return fs.realpathSync(fs.mkdtempSync(join(tmpdir(), `overlay-${prefix}-`)));
}

export async function makeNodeHost(): Promise<TestHost> {
  const root = temporaryFolder("layer");
  const lowerRoot = join(root, "base");
  const scratchRoot = join(root, "scratch");
  fs.mkdirSync(lowerRoot);
  fs.mkdirSync(scratchRoot);
  const servers: Server[] = [];
  const plantAt = async (at: string, tree: PlantTree): Promise<void> => {
    for (const [path, what] of Object.entries(tree)) await plantOnDisk(join(at, path), path.endsWith("/"), what, servers);
  };
  return {
    lower: new NodeLowerLayer(lowerRoot),
    scratch: new NodeScratchLayer(scratchRoot),
    outside: new NodeOutsideReader(),
    lowerRoot,
    scratchRoot,
    plantLower: (tree) => plantAt(lowerRoot, tree),
    plantScratch: (tree) => plantAt(scratchRoot, tree),
    plantUndecodable: async (directory) => {
      const at = Buffer.from(`${scratchRoot}/${directory}/`);
      fs.mkdirSync(at, { recursive: true });
      fs.writeFileSync(Buffer.concat([at, notUtf8]), "");
      fs.symlinkSync(notUtf8, Buffer.concat([at, Buffer.from("link")]));
    },
    openHandles: async () => (process.platform === "linux" ? fs.readdirSync("/proc/self/fd").length - servers.length : 0),
    dispose: async () => {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      fs.rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The same, small calls going through the call thread from the first one on. */
export async function makeThreadHost(): Promise<TestHost> {
  if (!(await callThread.start())) throw new Error("the call thread does not start");
  return makeNodeHost();
}

async function plantOnDisk(at: string, isDirectory: boolean, what: Plant, servers: Server[]): Promise<void> {
  fs.mkdirSync(dirname(at), { recursive: true });
  if (isDirectory) fs.mkdirSync(at, { recursive: true });
  else if (typeof what === "string") fs.writeFileSync(at, what);
  else if ("file" in what) {
    fs.writeFileSync(at, what.file);
    if (what.mode !== undefined) fs.chmodSync(at, what.mode);
  } else if ("directory" in what) {
    fs.mkdirSync(at, { recursive: true });
    if (what.mode !== undefined) fs.chmodSync(at, what.mode);
  } else if ("symlink" in what) fs.symlinkSync(what.symlink, at);
  else if (what.special === "fifo") await promisify(execFile)("mkfifo", [at]);
  else {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at, resolve));
    servers.push(server);
  }
}

export function makeMemoryHost(disk = new MemoryDisk()): TestHost & { readonly disk: MemoryDisk } {
  plant(disk, "/", { "t/base/": null, "t/scratch/": null });
  return {
    disk,
    lower: new MemoryLowerLayer(disk, "/t/base"),
    scratch: new MemoryScratchLayer(disk, "/t/scratch"),
    outside: new MemoryOutsideReader(disk),
    lowerRoot: "/t/base",
    scratchRoot: "/t/scratch",
    plantLower: async (tree) => { plant(disk, "/t/base", tree); },
    plantScratch: async (tree) => { plant(disk, "/t/scratch", tree); },
    plantUndecodable: async (directory) => {
      plant(disk, "/t/scratch", { [directory]: { undecodable: 1 }, [`${directory}/link`]: { symlink: "bad", decodable: false } });
    },
    openHandles: async () => disk.handles.size,
    dispose: async () => undefined,
  };
}
