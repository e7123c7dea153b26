/** Any Overlay, through its interface alone, as something that operations can be played on. */
import { OverlayError, type Overlay, type OverlayHandle } from "../../../src/host/index.js";
import { factsLine, facts, handleSlots, here, type Operation, type Outcome, type Tree, type Value } from "./operations.js";

export class OverlayPlayer {
  protected readonly handles = new Array<OverlayHandle | undefined>(handleSlots);

  /** @param self what {here} stands for in the targets of symbolic links. */
  constructor(public overlay: Overlay, private readonly self: string) {}

  async run(operation: Operation): Promise<Outcome> {
    try {
      return { value: ((await this.perform(operation)) ?? null) as Value };
    } catch (error) {
      if (error instanceof OverlayError) return { code: error.code };
      throw error;
    }
  }

  private async perform(o: Operation): Promise<unknown> {
    const { overlay } = this;
    switch (o.op) {
      case "writeFile":
        return overlay.writeFile(o.path, o.data, { create: o.create, overwrite: o.overwrite, mode: o.mode });
      case "append":
        return overlay.append(o.path, o.data, { mode: o.mode });
      case "truncate":
        return overlay.truncate(o.path, o.size);
      case "mkdir":
        return overlay.createDirectory(o.path, o.mode);
      case "unlink":
        return overlay.unlink(o.path);
      case "rmdir":
        return overlay.rmdir(o.path);
      case "removeAll":
        return overlay.remove(o.path, { recursive: true });
      case "rename":
        return overlay.rename(o.from, o.to, { overwrite: o.overwrite });
      case "copy":
        return overlay.copy(o.from, o.to, { overwrite: o.overwrite });
      case "symlink":
        return overlay.symlink(o.target.replace(here, this.self), o.path);
      case "link":
        return overlay.link(o.from, o.to);
      case "chmod":
        return overlay.chmod(o.path, o.mode);
      case "utimes":
        return overlay.utimes(o.path, o.seconds, o.seconds);
      case "copyUp":
        return overlay.copyUp(o.path);
      case "readFile":
        return Buffer.from(await overlay.readFile(o.path)).toString();
      case "readDirectory":
        return (await overlay.readDirectory(o.path)).map(({ name, type }) => `${name} ${type}`).sort();
      case "stat":
        return facts(await overlay.stat(o.path));
      case "lstat":
        return facts(await overlay.lstat(o.path));
      case "readlink":
        return (await overlay.readlink(o.path)).replace(this.self, here);
      case "open":
        await this.drop(o.slot);
        this.handles[o.slot] = await overlay.open(o.path, o.flags, o.mode);
        return;
      case "handleRead": {
        const handle = this.handles[o.slot];
        if (handle === undefined) return;
        const buffer = Buffer.alloc(o.length);
        return buffer.toString("utf8", 0, await handle.read(buffer, o.position));
      }
      case "handleWrite":
        return this.handles[o.slot]?.write(Buffer.from(o.data), o.position);
      case "handleTruncate":
        return this.handles[o.slot]?.truncate(o.size);
      case "handleStat": {
        const stat = await this.handles[o.slot]?.stat();
        return stat === undefined ? undefined : { size: stat.size, mode: stat.mode };
      }
      case "handleClose":
        return this.drop(o.slot);
      case "compare":
      case "reopen":
      case "freeze":
      case "layers":
        return;
    }
  }

  protected async drop(slot: number): Promise<void> {
    const handle = this.handles[slot];
    this.handles[slot] = undefined;
    await handle?.close();
  }

  async tree(): Promise<Tree> {
    const lines: [string, string][] = [];
    const visit = async (path: string): Promise<void> => {
      for (const { name, type } of await this.overlay.readDirectory(path)) {
        const child = path === "/" ? `/${name}` : `${path}/${name}`;
        const stat = await this.overlay.lstat(child);
        if (stat.type !== type) throw new Error(`readDirectory calls '${child}' a ${type}, lstat a ${stat.type}`);
        let content = "";
        if (type === "symlink") content = `-> ${(await this.overlay.readlink(child)).replace(this.self, here)}`;
        else if (type === "file") content = JSON.stringify(Buffer.from(await this.overlay.readFile(child)).toString());
        lines.push([child, factsLine(stat, content)]);
        if (type === "directory") await visit(child);
      }
    };
    lines.push(["/", factsLine(await this.overlay.lstat("/"), "")]);
    await visit("/");
    return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  protected async dropAll(): Promise<void> {
    for (let slot = 0; slot < handleSlots; slot++) await this.drop(slot);
  }
}
