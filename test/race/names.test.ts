/** Operations on names: each pair on the same name, on a name and its folder, and crosswise. */
import type { PlantedTree } from "../support/world.js";
import { races } from "./explore.js";
import { chmod, cp, create, ln, mkdir, mv, rm, rmdir, symlink, unlink, write } from "./operations.js";

races("chmod and unlink", {
  "of a lower file": { a: chmod("/a"), b: unlink("/a"), see: ["/a", "/"] },
  "of an upper file": { scratch: { "upper/a": "up" }, a: chmod("/a"), b: unlink("/a"), see: ["/a"] },
  "of a folder and recursive delete": { a: chmod("/d"), b: rm("/d"), see: ["/d"] },
  "of a file and recursive delete of its folder": { a: chmod("/d/e/z"), b: rm("/d"), see: ["/d/e/z", "/d"] },
});

races("create and create", {
  "of the same file": { a: create("/n", "1"), b: create("/n", "22"), see: ["/n", "/"] },
  "of the same file over a whiteout": { scratch: { "upper/.wh.a": "" }, a: create("/a", "1"), b: create("/a", "22"), see: ["/a", "/"] },
  "of a file and a folder": { a: create("/d/n", "1"), b: mkdir("/d/n"), see: ["/d/n", "/d"] },
  "of a folder and a folder, over a whiteout": { scratch: { "upper/.wh.d": "" }, a: mkdir("/d"), b: mkdir("/d"), see: ["/d", "/d/x", "/"] },
  "of a folder and a file in it": { scratch: { "upper/.wh.d": "" }, a: mkdir("/d"), b: create("/d/x", "1"), see: ["/d", "/d/x"] },
  "of a symlink and a file through it": { a: symlink("d/n", "/s"), b: write("/s", "1"), see: ["/s", "/d/n"] },
  "of a hard link and unlink of its source": { makesLinks: true, a: ln("/a", "/n"), b: unlink("/a"), see: ["/a", "/n"] },
  "of a hard link and a rename over its source": { makesLinks: true, a: ln("/a", "/n"), b: mv("/b", "/a"), see: ["/a", "/n", "/b"] },
  "of a file with open and with open": {
    a: async (o) => { await (await o.open("/n", "wx")).close(); },
    b: async (o) => { await (await o.open("/n", "wx")).close(); }, see: ["/n"],
  },
  "by copy of a folder and unlink in it": {
    scratch: { "upper/d/e/z": "up" }, a: cp("/d/e", "/n"), b: unlink("/d/e/z"), see: ["/n", "/n/z", "/d/e"],
  },
  "by copy of a folder over another and create in that": {
    scratch: { "upper/n/old": "old", "upper/n/.wh..wh..opq": "" }, overEmpty: true,
    a: (o) => o.copy("/d/e", "/n", { overwrite: true }), b: create("/n/new", "1"), see: ["/n", "/n/z", "/n/old"],
  },
  "by copy of a folder and delete of it": { a: cp("/d/e", "/n"), b: rm("/d/e"), see: ["/n", "/n/z", "/d/e"] },
});

races("mkdir and rename", {
  "of a folder, mkdir in it": { folderMoves: true, a: mkdir("/d/n"), b: mv("/d", "/q"), see: ["/d", "/d/n", "/q", "/q/n"] },
  "onto the name": { a: mkdir("/n"), b: mv("/a", "/n"), see: ["/n", "/a"] },
  "of a folder onto the name": { overEmpty: true, a: mkdir("/n"), b: mv("/d", "/n"), see: ["/n", "/d", "/n/x"] },
  "away from the name": { a: mkdir("/d"), b: mv("/d", "/q"), see: ["/d", "/d/x", "/q/x"] },
  "in the folder that is renamed over": { overEmpty: true, a: mkdir("/empty/n"), b: mv("/d", "/empty"), see: ["/empty", "/empty/n", "/empty/x", "/d"] },
  "in a folder of upper that is renamed over": {
    overEmpty: true, scratch: { "upper/n/.wh..wh..opq": "" }, a: mkdir("/n/m"), b: mv("/d", "/n"), see: ["/n", "/n/m", "/n/x", "/d"],
  },
});

const upper: PlantedTree = { "upper/a": "uA", "upper/b": "uB" };

races("rename(a, b) and rename(b, a)", {
  "of lower files": { a: mv("/a", "/b"), b: mv("/b", "/a"), see: ["/a", "/b"] },
  "of upper files": { scratch: upper, a: mv("/a", "/b"), b: mv("/b", "/a"), see: ["/a", "/b"] },
  "of a lower and an upper file, across folders": { scratch: { "upper/d/x": "uX" }, a: mv("/a", "/d/x"), b: mv("/d/x", "/a"), see: ["/a", "/d/x"] },
  "of empty folders": { overEmpty: true, base: { "p/": null, "r/": null }, a: mv("/p", "/r"), b: mv("/r", "/p"), see: ["/p", "/r"] },
  "of folders that are not empty": { base: { "p/x": "1", "r/y": "2" }, a: mv("/p", "/r"), b: mv("/r", "/p"), see: ["/p", "/r"] },
  "of folders into each other": { a: mv("/d", "/empty/d"), b: mv("/empty", "/d/empty"), see: ["/d", "/empty", "/empty/d", "/d/empty"] },
  "of two files to one name": { a: mv("/a", "/n"), b: mv("/b", "/n"), see: ["/a", "/b", "/n"] },
  "of two files to one name, none over the other": { a: mv("/a", "/n", false), b: mv("/b", "/n", false), see: ["/a", "/b", "/n"] },
  "of one file to two names": { a: mv("/a", "/n"), b: mv("/a", "/m"), see: ["/a", "/n", "/m"] },
  "of one folder to two names": { a: mv("/d", "/n"), b: mv("/d", "/m"), see: ["/d", "/n", "/m"] },
  "of a folder and of a file out of it": { folderMoves: true, a: mv("/d", "/q"), b: mv("/d/x", "/x"), see: ["/d", "/q", "/x"] },
  "of a folder and of a file into it": { folderMoves: true, a: mv("/d", "/q"), b: mv("/a", "/d/a"), see: ["/d", "/q", "/a"] },
  "of a folder that was renamed before, and of one in it": {
    scratch: { "upper/q/.wh..wh..redirect": "/d", "upper/.wh.d": "" }, a: mv("/q", "/r"), b: mv("/q/e", "/e"), see: ["/q", "/r", "/e", "/e/z"],
  },
});

races("deletes", {
  "unlink and unlink": { a: unlink("/a"), b: unlink("/a"), see: ["/a"] },
  "unlink and recursive delete above": { a: unlink("/d/x"), b: rm("/d"), see: ["/d", "/d/x"] },
  "rmdir and create in it": { a: rmdir("/empty"), b: create("/empty/n", "1"), see: ["/empty", "/empty/n"] },
  "rmdir and unlink of the last entry": { a: rmdir("/d/e"), b: unlink("/d/e/z"), see: ["/d/e", "/d/e/z"] },
  "recursive delete and mkdir of the same name": { a: rm("/d"), b: mkdir("/d"), see: ["/d", "/d/x"] },
  "unlink of the source of a rename": { a: unlink("/a"), b: mv("/a", "/n"), see: ["/a", "/n"] },
  "unlink of the target of a rename": { a: unlink("/a"), b: mv("/b", "/a"), see: ["/a", "/b"] },
  "recursive delete of the target's folder of a rename": { a: rm("/d"), b: mv("/a", "/d/x"), see: ["/a", "/d", "/d/x"] },
});
