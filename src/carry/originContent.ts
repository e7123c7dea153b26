/**
 * What the base had when a change was made from it, where that can still be had. The overlay knows its size and hash but
 * does not keep it, as that would double every copy: it is looked for in the history of the repository that the base is in.
 */
import { isAbsolute } from "node:path";
import type { CancelSignal } from "../engine/index.js";
import { GitHistory } from "./git.js";
import { Sides } from "./sides.js";
import type { Carried } from "./types.js";

export type OriginContent =
  | { readonly kind: "found"; readonly content: Uint8Array }
  /**
   * `unknown`: nothing tells what it was (it was no file, or was gone before it was looked at). `noHistory`: the base is in
   * no git repository, or there is no git. `notInHistory`: no version that git knows is it.
   */
  | { readonly kind: "unknown" | "noHistory" | "notInHistory" };

/**
 * Runs git in the base, reading only: to be called for a folder that the user trusts.
 * @throws OverlayError when the base is gone
 */
export async function originContent(overlay: Carried, path: string, signal?: CancelSignal): Promise<OriginContent> {
  const origin = await overlay.originFile(path);
  if (origin === undefined) return { kind: "unknown" };
  if (origin.size === 0) return { kind: "found", content: new Uint8Array() };
  if (!isAbsolute(overlay.manifest.base)) return { kind: "noHistory" }; // on no disk
  const history = await GitHistory.of((await Sides.of(overlay, "originContent")).base, signal);
  if (history === undefined) return { kind: "noHistory" };
  for await (const content of history.contents(origin.lower.slice(1), origin.size)) if (origin.is(content)) return { kind: "found", content };
  return { kind: "notInHistory" };
}
