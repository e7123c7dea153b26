/**
 * Reading what lies in upper by its path on the disk, without a lock. While another upper takes the place of the one that
 * is there, there is none for a moment (switchUpper.ts): who looks then finds nothing, and who walked through that moment
 * has seen two. So it is done again.
 */
import type { Context } from "./context.js";
import { isCode } from "./errors.js";

/** After so many times, it is done while nobody may change the layers. */
const patience = 5;

/** How many switches there have been, told when none is under way. */
function switches({ locks, layers }: Context): Promise<number> {
  return locks.shared([], () => Promise.resolve(layers.switches));
}

/** What `act` finds in one upper over one stack of layers. Not for who has the layers' turn. */
export async function steady<T>(ctx: Context, act: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < patience; attempt++) {
    const before = await switches(ctx);
    try {
      const found = await act();
      if ((await switches(ctx)) === before) return found;
    } catch (error) {
      if (isCode(error, "ECANCELED") || (await switches(ctx)) === before) throw error;
    }
  }
  return ctx.layers.turn.runExclusive(act);
}

/** The same for what fails, if it meets that moment, and else is right whatever was switched: merged looks the same. */
export async function despiteSwitches<T>(ctx: Context, act: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < patience; attempt++) {
    const before = await switches(ctx);
    try {
      return await act();
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR") || (await switches(ctx)) === before) throw error;
    }
  }
  return ctx.layers.turn.runExclusive(act);
}
