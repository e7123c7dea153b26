// Puts the extension, as it was built, among the extensions of a server: what the .vsix would hold, without packing it.
// An installed extension is there in every tab and after every reload; one given in the URL is not, and mutes notifications.
import { listFiles, PackageManager } from "@vscode/vsce";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { extensionsFolder, type ServerFolders } from "./server.ts";

interface Manifest {
  publisher: string;
  name: string;
  version: string;
}

interface InstalledEntry {
  identifier: { id: string };
}

/** `folder` is this repository, or another extension's. */
export async function stageExtension(folders: ServerFolders, folder: string): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  if (!existsSync(join(folder, "dist"))) throw new Error("dist/ is missing: run `npm run build` first.");
  const extensions = extensionsFolder(folders);
  const id = `${manifest.publisher}.${manifest.name}`;
  const name = `${id}-${manifest.version}`;

  mkdirSync(extensions, { recursive: true });
  for (const old of readdirSync(extensions).filter((entry) => entry.startsWith(`${id}-`))) {
    rmSync(join(extensions, old), { recursive: true });
  }
  for (const file of await listFiles({ cwd: folder, packageManager: PackageManager.None })) {
    const target = join(extensions, name, file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(folder, file), target);
  }
  enlist(extensions, id, name, manifest.version);
}

/** The server makes this list itself from the folders it finds, unless there is one. */
function enlist(extensions: string, id: string, name: string, version: string): void {
  const list = join(extensions, "extensions.json");
  if (!existsSync(list)) return;
  const others = (JSON.parse(readFileSync(list, "utf8")) as InstalledEntry[]).filter((entry) => entry.identifier.id !== id);
  const ours = { identifier: { id }, version, location: { $mid: 1, path: join(extensions, name), scheme: "file" }, relativeLocation: name };
  writeFileSync(list, JSON.stringify([...others, ours]));
}
