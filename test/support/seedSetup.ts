/** Before each test file, for properties that name no seed: see seed.ts. */
import { isJudged, judgedSeed } from "./seed.ts";

if (isJudged) (await import("fast-check")).configureGlobal({ seed: judgedSeed });
