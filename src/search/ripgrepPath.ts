/** Where VS Code keeps its ripgrep: it has moved more than once, and may be beside an archive that programs are not run from. */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";

/** @param appRoot `vscode.env.appRoot`. Undefined where there is none that can be run. */
export async function ripgrepIn(appRoot: string, platform: string = process.platform, arch: string = process.arch): Promise<string | undefined> {
  const program = platform === "win32" ? "rg.exe" : "rg";
  for (const modules of ["node_modules.asar.unpacked", "node_modules"]) {
    for (const place of [join("@vscode", "ripgrep-universal", "bin", `${platform}-${arch}`), join("@vscode", "ripgrep", "bin"), join("vscode-ripgrep", "bin")]) {
      const path = join(appRoot, modules, place, program);
      if (await access(path, constants.X_OK).then(() => true, () => false)) return path;
    }
  }
  return undefined;
}
