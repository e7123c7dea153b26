// Section 6 of the design: exactly one owner, whatever races, dies or comes back. Real processes.
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { lockNumbers } from "../../src/host/lockFiles.js";
import { acquire, breakLock, currentOwner, describeOwner, onReleased, requestYield } from "../../src/host/ownership.js";
import type { Claim, OverlayLock } from "../../src/host/ownership.js";
import { ownIdentity } from "../../src/host/processIdentity.js";
import type { ProcessIdentity } from "../../src/host/processIdentity.js";
import { bundleScript, startChild } from "../support/layers/child.js";
import type { Child } from "../support/layers/child.js";
import { temporaryFolder } from "../support/layers/hosts.js";

const processes = 5;
const rounds = 30;

function owned(claim: Claim): OverlayLock {
  if (claim.kind !== "owned") throw new Error(`held by ${describeOwner(claim.owner)}`);
  return claim.lock;
}

describe("owning the upper", () => {
  let script = "";
  let folder = "";
  const children = new Set<Child>();

  beforeAll(async () => { script = await bundleScript("ownerChild.ts"); });
  afterAll(() => { fs.rmSync(dirname(script), { recursive: true }); });
  beforeEach(() => { folder = temporaryFolder("own"); });
  afterEach(async () => {
    for (const child of children) await kill(child);
    fs.rmSync(folder, { recursive: true, force: true });
  });

  async function start(...args: string[]): Promise<Child> {
    const child = startChild(script, [folder, ...args]);
    children.add(child);
    expect(await child.line()).toBe("ready");
    return child;
  }

  async function kill(child: Child): Promise<void> {
    child.process.kill("SIGKILL");
    await child.ended;
    children.delete(child);
  }

  async function own(child: Child): Promise<void> {
    child.send("go 0");
    expect(await child.line()).toBe("owned");
  }

  function plantLock(number: number, content: object | string): void {
    fs.writeFileSync(join(folder, `lock.${number}`), typeof content === "string" ? content : JSON.stringify(content));
  }

  const record = (identity: ProcessIdentity, more: object = {}): object => ({ ...identity, nonce: "planted", since: 1_700_000_000_000, free: false, ...more });

  test.each(["links", "noLinks"])(`${processes} processes race ${rounds} times, over a lock left by a killed owner or a free one: one owner each time (%s)`, async (links) => {
    const team = await Promise.all(Array.from({ length: processes }, () => start(links)));
    for (let round = 0; round < rounds; round++) {
      const at = Date.now() + 15;
      for (const child of team) child.send(`go ${at}`);
      const answers = await Promise.all(team.map((child) => child.line()));
      expect(answers.filter((a) => a === "owned"), `round ${round}: ${answers.join(", ")}`).toHaveLength(1);
      expect(answers.filter((a) => a.startsWith("failed"))).toEqual([]);
      const winner = answers.indexOf("owned");
      const child = team[winner];
      if (child === undefined) throw new Error("no winner");
      // Those who came before the lock was whole see an owner they cannot name; nobody names another.
      for (const answer of answers) if (answer.startsWith("held")) expect([`held ${child.process.pid}`, "held ?"]).toContain(answer);
      if (round % 3 === 0) {
        await kill(child);
        team[winner] = await start(links);
      } else {
        child.send("release");
        expect(await child.line()).toBe("released");
      }
    }
    expect(fs.readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(await lockNumbers(folder)).toHaveLength(1);
  }, 60_000);

  test("a held lock names its owner; a released one is free, and its number is not given out again", async () => {
    const child = await start();
    await own(child);
    const claim = await acquire(folder);
    expect(claim).toMatchObject({ kind: "held", owner: { pid: child.process.pid } });
    if (claim.kind === "held") expect(describeOwner(claim.owner)).toContain(`process ${child.process.pid} on `);
    child.send("release");
    expect(await child.line()).toBe("released");
    expect(await currentOwner(folder)).toBeUndefined();
    expect(await lockNumbers(folder)).toEqual([1]);
    const lock = owned(await acquire(folder));
    expect(await lockNumbers(folder)).toEqual([2]);
    expect(await acquire(folder)).toMatchObject({ kind: "held", owner: { pid: process.pid } });
    await lock.release();
    await lock.release();
    expect(await lockNumbers(folder)).toEqual([2]);
  });

  test("a killed owner's lock is taken over, and whoever waits for it is told", async () => {
    const child = await start();
    await own(child);
    const told = new Promise<void>((resolve) => { onReleased(folder, resolve, { pollMs: 40 }); });
    child.process.kill("SIGKILL");
    await told;
    await child.ended;
    await owned(await acquire(folder)).release();
  });

  const cases: readonly (readonly [string, (self: ProcessIdentity) => object | string, "owned" | "held"])[] = [
    ["a pid used again by a younger process", (self) => record({ ...self, pid: process.ppid, start: "1" }), "owned"],
    ["a pid that nobody has", (self) => record({ ...self, pid: 2 ** 22 + 12_345 }), "owned"],
    ["a living process", (self) => record(self), "held"],
    ["the time before a reboot of this machine", (self) => record({ ...self, machine: "m", bootId: "before" }), "owned"],
    ["another machine", (self) => record({ ...self, machine: "m", host: "elsewhere", pid: 1 }), "held"],
    ["another machine of the same name", (self) => record({ ...self, machine: "other", bootId: "before" }), "held"],
    ["another boot, on a machine without an id", (self) => record({ ...self, machine: "", bootId: "before" }), "held"],
    ["another pid namespace", (self) => record({ ...self, machine: "m", pidNamespace: "pid:[1]", pid: 2 ** 22 + 1 }), "held"],
    ["a released lock of another machine", (self) => record({ ...self, host: "elsewhere" }, { free: true }), "owned"],
    ["nothing that can be read", () => "{ half", "held"],
    ["a later version's format", () => ({ version: 9 }), "held"],
  ];
  test.each(cases)("a lock of %s", async (title, make, expected) => {
    const identity = { ...(await ownIdentity()), machine: title.includes("without an id") ? "" : "m" };
    plantLock(7, make(identity));
    const claim = await acquire(folder, { identity });
    expect(claim.kind).toBe(expected);
    if (claim.kind === "owned") {
      expect(await lockNumbers(folder)).toEqual([8]);
      await claim.lock.release();
    } else expect(await lockNumbers(folder)).toEqual([7]);
  });

  test("a slow process that makes a number cleared away long ago withdraws", async () => {
    // It saw lock.3 free; meanwhile 4 was taken, released and cleared, and 5 is owned.
    const self = await ownIdentity();
    plantLock(3, record(self, { free: true }));
    const claim = await acquire(folder, { identity: self, beforeMaking: () => {
      if (fs.existsSync(join(folder, "lock.5"))) return;
      fs.unlinkSync(join(folder, "lock.3"));
      plantLock(5, record(self, { nonce: "other" }));
    } });
    if (claim.kind === "owned") throw new Error("two owners");
    expect(claim.owner.lock).toBe("5 other");
    expect(await lockNumbers(folder)).toEqual([5]);
  });

  test("only a user breaks a lock that cannot be compared, only the one that was shown, and the owner learns of it", async () => {
    const self = await ownIdentity();
    plantLock(1, record({ ...self, host: "elsewhere" }));
    const shown = await currentOwner(folder);
    if (shown === undefined) throw new Error("no owner");
    expect(shown).toMatchObject({ host: "elsewhere", since: 1_700_000_000_000 });
    expect(await breakLock(folder, { ...shown, lock: "1 another" })).toBe(false);
    expect(await breakLock(folder, shown)).toBe(true);
    const child = await start();
    await own(child);
    const live = await currentOwner(folder);
    if (live === undefined) throw new Error("no owner");
    expect(await breakLock(folder, live)).toBe(true);
    expect(await child.line()).toBe("lost");
    const lock = owned(await acquire(folder));
    child.send("release"); // too late: it must not free our lock
    expect(await child.line()).toBe("released");
    expect(await currentOwner(folder)).toMatchObject({ pid: process.pid });
    await lock.release();
  });

  test("the owner is asked to yield, once per request, and the asker learns when it did", async () => {
    const child = await start();
    await own(child);
    const released = new Promise<void>((resolve) => { onReleased(folder, resolve); });
    const request = await requestYield(folder);
    expect(await child.line()).toBe(`asked ${process.pid}`);
    child.send("release");
    expect(await child.line()).toBe("released");
    await released;
    const lock = owned(await acquire(folder));
    expect(fs.readdirSync(folder)).toEqual(["lock.2"]);
    request.dispose();
    await lock.release();
  });

  test("nothing of it keeps a process alive", async () => {
    const child = await start();
    await own(child);
    child.process.stdin?.end();
    expect(await child.ended).toBe("0");
    expect(await currentOwner(folder)).toBeUndefined();
  });
});
