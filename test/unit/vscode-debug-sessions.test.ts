/** A session that has ended is not active, whatever `activeDebugSession` says. */
import { expect, test } from "vitest";
import { DebugSessions } from "../../src/vscode/debugSessions.js";

test("active is what VS Code names and what has not ended", () => {
  const listeners = new Set<(session: { readonly id: string }) => void>();
  const debug = {
    activeDebugSession: undefined as { readonly id: string } | undefined,
    onDidTerminateDebugSession(listener: (session: { readonly id: string }) => void) {
      listeners.add(listener);
      return { dispose: () => { listeners.delete(listener); } };
    },
  };
  const end = (id: string): void => { for (const listener of listeners) listener({ id }); };
  const sessions = new DebugSessions(debug);
  expect(sessions.isActive).toBe(false);
  debug.activeDebugSession = { id: "a" };
  expect(sessions.isActive).toBe(true);
  end("b");
  expect(sessions.isActive).toBe(true);
  end("a"); // and it is still named
  expect(sessions.isActive).toBe(false);
  debug.activeDebugSession = { id: "c" };
  expect(sessions.isActive).toBe(true);
  sessions.dispose();
  expect(listeners.size).toBe(0);
});
