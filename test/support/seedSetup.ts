/** Before each test file, for properties that name no seed: see seed.ts. */
import { inCI } from "./paths.ts";
import { judgedSeed } from "./seed.ts";

if (inCI) (await import("fast-check")).configureGlobal({ seed: judgedSeed });
