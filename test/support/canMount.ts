/** Where there is no FUSE the commands only say so: what they say is held by test/interop. */
import { existsSync } from "node:fs";
import { findOnPath } from "./vscode/chromium.ts";

export const canMount = process.platform === "linux" && existsSync("/dev/fuse") && findOnPath(["fuse-overlayfs"]) !== undefined;
