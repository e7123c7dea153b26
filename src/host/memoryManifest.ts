/** The manifest's port on any scratch layer: staged, synced and renamed in, so that each step can be made to fail. */
import { isCode } from "../engine/errors.js";
import type { LayerState, ManifestPort, ScratchLayer } from "../engine/layer.js";
import { layersToJson, parseLayers } from "./manifestLayers.js";

const file = "overlay.json";

export class MemoryManifest implements ManifestPort {
  constructor(private readonly scratch: ScratchLayer) {}

  async read(): Promise<LayerState> {
    try {
      const value = JSON.parse(new TextDecoder().decode(await this.scratch.readFile(file))) as { snapshots: unknown[]; layers: unknown };
      return parseLayers(value.snapshots, value.layers, 0);
    } catch (error) {
      if (isCode(error, "ENOENT")) return { snapshots: [], next: 1, dropped: [], doomed: [] };
      throw error;
    }
  }

  async replace(state: LayerState): Promise<void> {
    const temp = "overlay-0.tmp";
    await this.scratch.unlink(temp).catch(() => undefined);
    try {
      const staged = await this.scratch.create(temp, 0o644);
      try {
        await staged.write(new TextEncoder().encode(JSON.stringify(layersToJson(state))), 0);
        await staged.sync();
      } finally {
        await staged.close();
      }
      await this.scratch.rename(temp, file);
    } catch (error) {
      await this.scratch.unlink(temp).catch(() => undefined);
      throw error;
    }
  }
}
