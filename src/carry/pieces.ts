/** What can be read at a position, in pieces whatever its size. Each piece is the caller's until it asks for the next. */

const pieceSize = 256 * 1024;

export async function* piecesOf(handle: { read(buffer: Uint8Array, position: number): Promise<number> }): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = new Uint8Array(pieceSize);
  for (let at = 0; ;) {
    const count = await handle.read(buffer, at);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    at += count;
  }
}
