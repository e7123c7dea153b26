// Opening: what is refused, with which words, and that a refusal has changed nothing. Then manifest, lock and life.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OverlayError, openOverlay } from "../../src/host/index.js";
import type { OpenOverlayOptions } from "../../src/host/index.js";
import { liesInside, parseMountinfo } from "../../src/host/mounts.js";
import { prepare } from "../../src/host/openOverlay.js";
import type { Prepared } from "../../src/host/openOverlay.js";
import { failing } from "../support/layers/hooks.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { interceptedScratch } from "../support/layers/intercept.js";

const root0 = process.geteuid?.() === 0;

describe("opening an overlay's folder", () => {
  let root: string;
  let base: string;
  let scratch: string;
  const held: Prepared[] = [];
  beforeEach(() => {
    root = temporaryFolder("open");
    base = join(root, "base");
    scratch = join(root, "scratch");
    fs.mkdirSync(join(base, "sub"), { recursive: true });
    fs.writeFileSync(join(base, "File"), "1");
  });
  afterEach(async () => {
    for (const { hold } of held.splice(0)) if (hold.kind === "owner") await hold.lock.release();
    fs.rmSync(root, { recursive: true, force: true });
  });

  const open = async (options: Partial<OpenOverlayOptions> = {}): Promise<Prepared> => {
    const prepared = await prepare({ base, scratch, ...options });
    held.push(prepared);
    return prepared;
  };
  const close = async (prepared: Prepared): Promise<void> => {
    if (prepared.hold.kind === "owner") await prepared.hold.lock.release();
  };
  const refusal = async (options: Partial<OpenOverlayOptions>): Promise<OverlayError> => {
    const error: unknown = await open(options).catch((reason: unknown) => reason);
    if (!(error instanceof OverlayError)) throw new Error(`not refused: ${String(error)}`);
    return error;
  };
  /** Everything in a folder, so that "nothing changed" can be said. */
  const picture = (folder: string): string => {
    const lines: string[] = [];
    const visit = (path: string): void => {
      const stat = fs.lstatSync(path, { bigint: true });
      lines.push(`${path} ${stat.mode} ${stat.size} ${stat.mtimeNs} ${stat.nlink}`);
      if (stat.isDirectory()) for (const name of fs.readdirSync(path).sort()) visit(join(path, name));
    };
    if (fs.existsSync(folder)) visit(folder);
    return lines.join("\n");
  };

  test("a new folder gets its parts (upper/ is for the engine to make) and a manifest; the base is only looked at", async () => {
    const before = picture(base);
    const { manifest, folder, ports } = await open({ name: "Try" });
    expect(folder).toBe(scratch);
    expect(fs.readdirSync(scratch).sort()).toEqual(["layers", "lock.1", "overlay.json", "trash", "work"]);
    expect(fs.readdirSync(join(scratch, "work"))).toEqual([]);
    expect(manifest).toMatchObject({ name: "Try", base, snapshots: [], id: "scratch" });
    expect(JSON.parse(fs.readFileSync(join(scratch, "overlay.json"), "utf8"))).toEqual({ format: 1, ...manifest });
    expect(ports.options).toEqual({ caseSensitive: manifest.caseSensitive, readOnly: false });
    expect(picture(base)).toBe(before);
  });

  test("opened again it is the same overlay, whatever name the base is reached by", async () => {
    const first = await open();
    await close(first);
    fs.symlinkSync("base", join(root, "alias"));
    const again = await open({ base: join(root, "alias"), name: "other" });
    expect(again.manifest).toEqual(first.manifest);
    expect(again.ports.base).toMatchObject({ given: join(root, "alias"), real: base });
  });

  const places: readonly (readonly [string, (p: { root: string; base: string }) => Partial<OpenOverlayOptions>, string, string])[] = [
    ["scratch inside base", (p) => ({ scratch: join(p.base, "sub/s") }), "EINVAL", "lies inside the base"],
    ["scratch is the base", (p) => ({ scratch: p.base }), "EINVAL", "lies inside the base"],
    ["base inside scratch", (p) => ({ scratch: p.root }), "EINVAL", "lies inside the scratch"],
    ["scratch inside base by a symlink", (p) => {
      fs.symlinkSync("base/sub", join(p.root, "alias"));
      return { scratch: join(p.root, "alias/s") };
    }, "EINVAL", "lies inside the base"],
    ["base by a symlink inside scratch", (p) => {
      fs.symlinkSync("base/sub", join(p.root, "alias"));
      return { base: join(p.root, "alias"), scratch: p.base };
    }, "EINVAL", "lies inside the scratch"],
    ["scratch inside a lower", (p) => {
      fs.mkdirSync(join(p.root, "low"));
      return { lowers: [join(p.root, "low")], scratch: join(p.root, "low/s") };
    }, "EINVAL", "lies inside the base"],
    ["base missing", (p) => ({ base: join(p.root, "gone") }), "ENOENT", "does not exist"],
    ["base a file", (p) => ({ base: join(p.base, "File") }), "ENOTDIR", "is not a folder"],
    ["base relative", () => ({ base: "base" }), "EINVAL", "absolute"],
    ["scratch relative", () => ({ scratch: "scratch" }), "EINVAL", "absolute"],
    ["scratch beneath a file", (p) => {
      fs.writeFileSync(join(p.root, "f"), "");
      return { scratch: join(p.root, "f/s") };
    }, "ENOTDIR", "cannot be reached"],
    ["base with NUL", (p) => ({ base: `${p.root}/a\0b` }), "EINVAL", "cannot be opened"],
    ["read-only where there is none", () => ({ readOnly: true }), "ENOENT", "no overlay yet"],
  ];
  test.each(places)("refused: %s", async (_, make, code, words) => {
    const options = make({ root, base });
    const before = picture(root);
    const error = await refusal(options);
    expect([error.code, error.reason]).toEqual([code, expect.stringContaining(words)]);
    expect(picture(root)).toBe(before);
  });

  test.runIf(root0)("refused: base and scratch meet through bind mounts", async () => {
    const mount = join(root, "mount");
    fs.mkdirSync(mount);
    execFileSync("mount", ["--bind", join(base, "sub"), mount]);
    try {
      expect((await refusal({ scratch: join(mount, "s") })).reason).toContain("lies inside the base");
      expect((await refusal({ base: mount, scratch: base })).reason).toContain("lies inside the scratch");
      expect((await refusal({ base: mount, scratch: join(base, "sub") })).code).toBe("EINVAL");
      // Where there is no mountinfo, the identity of the folders above still tells this much.
      expect(await liesInside(join(mount, "s"), join(base, "sub"), "")).toBe(true);
    } finally {
      execFileSync("umount", [mount]);
    }
  });

  test("mountinfo: device and root tell, with blanks in names, and the last mount on a point counts", async () => {
    const info = [
      "1 0 8:1 / / rw - ext4 /dev/a rw",
      "2 1 8:1 /home/u/base/sub\\040x /mnt/sub\\040x rw - ext4 /dev/a rw",
      "3 1 8:2 / /other rw - ext4 /dev/b rw",
      "4 1 8:1 /elsewhere /twice rw - ext4 /dev/a rw",
      "5 1 8:1 /home/u/base /twice rw - ext4 /dev/a rw",
    ].join("\n");
    expect(parseMountinfo(info)[1]).toEqual({ device: "8:1", root: "/home/u/base/sub x", point: "/mnt/sub x" });
    expect(await liesInside("/mnt/sub x/s", "/home/u/base", info)).toBe(true);
    expect(await liesInside("/mnt/sub x", "/home/u/base/sub", info)).toBe(false);
    expect(await liesInside("/twice/s", "/home/u/base", info)).toBe(true);
    expect(await liesInside("/other/home/u/base/s", "/home/u/base", info)).toBe(false);
    expect(await liesInside("/home/u/base2", "/home/u/base", info)).toBe(false);
  });

  test.each(["upper", "work", "trash", "layers", "layers/1"])("refused: %s is a symlink, and what it points at stays untouched", async (name) => {
    const prepared = await open();
    await close(prepared);
    const manifest = JSON.parse(fs.readFileSync(join(scratch, "overlay.json"), "utf8")) as object;
    fs.writeFileSync(join(scratch, "overlay.json"), JSON.stringify({ ...manifest, snapshots: name === "layers/1" ? [name] : [] }));
    fs.rmSync(join(scratch, name), { recursive: true, force: true });
    fs.symlinkSync(join(base, "sub"), join(scratch, name));
    const before = picture(root);
    const error = await refusal({});
    expect([error.code, error.reason]).toEqual(["EINVAL", expect.stringContaining(`${join(scratch, name)} is a symbolic link`)]);
    expect(picture(root)).toBe(before);
  });

  const good = { format: 1, id: "i", name: "n", base: "/b", snapshots: [], created: 1, caseSensitive: true };
  const manifests: readonly (readonly [string, string, string])[] = [
    ["empty", "", "EINVAL"],
    ["half written", JSON.stringify(good).slice(0, 20), "EINVAL"],
    ["no object", "[]", "EINVAL"],
    ["newer", JSON.stringify({ ...good, format: 3, base: undefined }), "ENOTSUP"],
    ["no version", JSON.stringify({ ...good, format: "1" }), "EINVAL"],
    ["version 0", JSON.stringify({ ...good, format: 0 }), "EINVAL"],
    ["no id", JSON.stringify({ ...good, id: "" }), "EINVAL"],
    ["no name", JSON.stringify({ ...good, name: 1 }), "EINVAL"],
    ["relative base", JSON.stringify({ ...good, base: "b" }), "EINVAL"],
    ["no snapshots", JSON.stringify({ ...good, snapshots: {} }), "EINVAL"],
    ["no time", JSON.stringify({ ...good, created: "x" }), "EINVAL"],
    ["no case", JSON.stringify({ ...good, caseSensitive: 1 }), "EINVAL"],
    ...["../x", "/etc", "layers", "layers/..", "layers/../upper", "layers/a/b", "layers/.x", "upper", ""].map(
      (path) => [`snapshot '${path}'`, JSON.stringify({ ...good, base: "BASE", snapshots: [path] }), "EINVAL"] as const),
    ["another base", JSON.stringify({ ...good, base: "/" }), "EINVAL"],
    ["a snapshot that is missing", JSON.stringify({ ...good, base: "BASE", snapshots: ["layers/1"] }), "ENOENT"],
  ];
  test.each(manifests)("refused by its path, nothing touched: a manifest that is %s", async (_, text, code) => {
    await close(await open());
    fs.mkdirSync(join(scratch, "upper"));
    fs.writeFileSync(join(scratch, "upper/kept"), "mine");
    fs.writeFileSync(join(scratch, "overlay.json"), text.replace('"BASE"', JSON.stringify(base)));
    const before = picture(root);
    for (const readOnly of [false, true] as const) {
      const error = await refusal({ readOnly });
      expect(error.code).toBe(code);
      expect(`${error.reason} ${error.path}`).toContain(scratch);
      expect(picture(root)).toBe(before);
    }
  });

  test("refused: a manifest that is a symlink, a folder of somebody else's, changes without a manifest", async () => {
    fs.mkdirSync(scratch);
    fs.symlinkSync("/etc/hostname", join(scratch, "overlay.json"));
    expect((await refusal({})).reason).toContain("damaged");
    fs.unlinkSync(join(scratch, "overlay.json"));
    fs.writeFileSync(join(scratch, "letter.txt"), "");
    expect(await refusal({})).toMatchObject({ code: "ENOTEMPTY", reason: expect.stringContaining("letter.txt") as unknown });
    fs.unlinkSync(join(scratch, "letter.txt"));
    fs.mkdirSync(join(scratch, "upper"));
    fs.writeFileSync(join(scratch, "upper/x"), "");
    expect((await refusal({})).reason).toContain("manifest is missing");
    expect(fs.readdirSync(scratch)).toEqual(["upper"]);
    fs.unlinkSync(join(scratch, "upper/x"));
    await open(); // what an unfinished making leaves is no obstacle
  });

  test("a second opening: EBUSY naming the owner, or read-only; it writes nothing, and learns when the first lets go", async () => {
    const first = await open();
    const before = picture(scratch);
    expect(await refusal({})).toMatchObject({ code: "EBUSY", reason: expect.stringContaining(`process ${process.pid} on`) as unknown });
    const reader = await open({ readOnly: "ifOwned" });
    expect(picture(scratch)).toBe(before);
    expect(reader.ports.options.readOnly).toBe(true);
    if (reader.hold.kind !== "reader") throw new Error("not a reader");
    expect(reader.hold.owner).toMatchObject({ pid: process.pid });
    const { hold } = reader;
    const released = new Promise<void>((resolve) => { hold.onReleased(resolve); });
    await close(first);
    await released;
    expect((await open({ readOnly: "ifOwned" })).hold.kind).toBe("owner");
    expect((await open({ readOnly: true })).hold.kind).toBe("reader");
  });

  test("a failed opening lets go of the lock", async () => {
    await expect(openOverlay({ base, scratch, wrap: () => { throw new Error("broken port"); } })).rejects.toThrow("broken port");
    const hook = failing((call) => call.mutates, "ENOSPC");
    const full = openOverlay({ base, scratch, wrap: (ports) => ({ ...ports, scratch: interceptedScratch(ports.scratch, hook) }) });
    await expect(full).rejects.toMatchObject({ code: "ENOSPC" });
    const overlay = await openOverlay({ base, scratch });
    await overlay.dispose();
    await overlay.dispose();
    await open();
  });

  test("the whole: edit, close, open again, the base as it was", async () => {
    const before = picture(base);
    const overlay = await openOverlay({ base, scratch });
    await overlay.writeFile("/File", "2");
    await overlay.createDirectory("/new");
    expect(overlay.hold.kind).toBe("owner");
    await overlay.dispose();
    const again = await openOverlay({ base, scratch });
    expect(new TextDecoder().decode(await again.readFile("/File"))).toBe("2");
    expect((await again.stat("/new")).type).toBe("directory");
    await again.dispose();
    expect(picture(base)).toBe(before);
    await expect(openOverlay({ base: join(root, "gone"), scratch })).rejects.toMatchObject({ code: "ENOENT" });
  });
});
