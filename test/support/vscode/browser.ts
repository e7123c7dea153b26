// A headless browser with a profile folder of its own, which keeps to this machine.
import { chromium, type BrowserContext } from "playwright-core";
import { findChromium } from "./chromium.ts";

const quiet = [
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run",
  "--disable-features=OptimizationHints,MediaRouter",
];

/** The size that screenshots have: wide enough for the workbench, small enough for a README. */
const viewport = { width: 1280, height: 820 };

export async function openBrowser(profile: string): Promise<BrowserContext> {
  const found = await findChromium();
  const asRoot = process.platform === "linux" && process.getuid?.() === 0;
  return chromium.launchPersistentContext(profile, {
    executablePath: found.executable,
    headless: true,
    viewport,
    args: quiet,
    // Chromium's sandbox needs what neither root nor most containers have.
    chromiumSandbox: !asRoot && Object.keys(found.env).length === 0 && process.env["CI"] === undefined,
    env: { ...definedEnvironment(), ...found.env },
    permissions: ["clipboard-read", "clipboard-write"],
  });
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
