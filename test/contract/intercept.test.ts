// The interception itself: it sees every call of layers and handles, on both hosts, and each ready-made hook does its job.
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../src/host/memoryDisk.js";
import { hostKinds, makeMemoryHost } from "../support/layers/hosts.js";
import { compose, dieAt, failing, gate, recorder } from "../support/layers/hooks.js";
import { interceptedLower, interceptedScratch } from "../support/layers/intercept.js";

describe.each(hostKinds)("an intercepted layer on the $name host", (kind) => {
  test("tells every call with its path, and whether it changes anything", async () => {
    const host = await kind.make();
    const seen = recorder();
    const s = interceptedScratch(host.scratch, seen.hook);
    expect([s.privileged, s.creator]).toEqual([host.scratch.privileged, host.scratch.creator]);
    expect(["copySmall" in s, "publishCopy" in s]).toEqual([host.scratch.copySmall !== undefined, host.scratch.publishCopy !== undefined]);
    const made = await s.create("f", 0o644);
    await made.write(new Uint8Array(3), 0);
    await made.sync();
    await made.close();
    const read = await s.openRead("f");
    expect(read.opened).toEqual({ stat: await host.scratch.lstat("f"), print: await host.scratch.fingerprint("f") });
    await read.read(new Uint8Array(3), 0);
    await s.cloneFrom(read, "clone", 0o600); // the real handle must come through
    await read.close();
    await s.rename("f", "g");
    await (await s.openWrite("g", {})).close();
    await (await s.openWrite("g", { truncate: true })).close();
    await interceptedLower(host.lower, seen.hook, "base").readDirectory("");
    expect(seen.calls.map((c) => `${c.layer} ${c.name} ${c.path}${c.mutates ? " !" : ""}`)).toEqual([
      "scratch create f !", "scratch handle.write f !", "scratch handle.sync f", "scratch handle.close f", "scratch openRead f",
      "scratch handle.read f", "scratch cloneFrom clone !", "scratch handle.close f", "scratch rename g !", "scratch openWrite g",
      "scratch handle.close g", "scratch openWrite g !", "scratch handle.close g", "base readDirectory ",
    ]);
    expect(seen.count("handle.close")).toBe(4);
    await host.dispose();
  });

  if (kind.name !== "node") test("calls that not every host has: with the path that is made, and the real layer and handle behind them", async () => {
    const host = kind.name === "memory" ? makeMemoryHost(new MemoryDisk({ oneStep: true })) : await kind.make();
    const seen = recorder();
    const s = interceptedScratch(host.scratch, seen.hook);
    const base = interceptedLower(host.lower, recorder().hook, "base");
    await host.plantLower({ f: "text" });
    const copy = await s.copySmall?.(base, "f", "staged", await base.lstat("f"));
    expect(copy?.source.stat.size).toBe(4);
    await copy?.file.sync();
    await copy?.file.close();
    expect(await s.publishCopy?.("staged", "made", base, "f", await base.fingerprint("f"))).toBe("published");
    expect(new TextDecoder().decode(await host.scratch.readFile("made"))).toBe("text");
    expect(seen.calls.map((c) => `${c.name} ${c.path}${c.mutates ? " !" : ""}`)).toEqual(["copySmall staged !", "handle.sync staged", "handle.close staged", "publishCopy made !"]);
    await host.dispose();
  });

  test("fails before or after, so many times", async () => {
    const host = await kind.make();
    const isMake = (call: { name: string }): boolean => call.name === "makeDirectory";
    const before = interceptedScratch(host.scratch, failing(isMake, "ENOSPC", { times: 1 }));
    await expect(before.makeDirectory("a", 0o755)).rejects.toMatchObject({ code: "ENOSPC" });
    await before.makeDirectory("a", 0o755);
    const after = interceptedScratch(host.scratch, failing(isMake, "EIO", { when: "after" }));
    await expect(after.makeDirectory("b", 0o755)).rejects.toMatchObject({ code: "EIO" });
    expect((await host.scratch.lstat("b")).type).toBe("directory");
    await host.dispose();
  });

  test("holds a call, and dies at the nth change for good", async () => {
    const host = await kind.make();
    const held = gate((call) => call.path === "a");
    const s = interceptedScratch(host.scratch, compose(recorder().hook, held.hook));
    const making = s.makeDirectory("a", 0o755);
    expect((await held.reached).name).toBe("makeDirectory");
    await expect(host.scratch.lstat("a")).rejects.toMatchObject({ code: "ENOENT" });
    held.open();
    await making;
    const death = dieAt(2, "after");
    const dying = interceptedScratch(host.scratch, death.hook);
    await dying.makeDirectory("one", 0o755);
    const lost = dying.makeDirectory("two", 0o755).then(() => "answered");
    await death.died;
    const later = dying.lstat("one").then(() => "answered");
    expect(await Promise.race([lost, later, new Promise((resolve) => setTimeout(resolve, 30, "silence"))])).toBe("silence");
    expect((await host.scratch.lstat("two")).type).toBe("directory");
    await host.dispose();
  });
});
