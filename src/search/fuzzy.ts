/**
 * How well a typed word fits a path: its characters in this order, the best way to place them, as a number and as the
 * places. Own code, because the libraries keep an object with arrays for each file, and none knows what a file name is.
 * Pure; works on UTF-16 units in plain arrays, as it is asked a hundred thousand times for each keystroke.
 */

/** Points. What was typed in one piece, and at the beginnings of words, is what was meant. */
const points = { each: 16, beginsName: 14, afterSeparator: 10, camel: 8, next: 12, sameCase: 1, skip: -1, inName: 400, wholeName: 60, beginning: 24 };

/** Unit values of a text, without case. */
export function fold(text: string): Uint16Array {
  const lower = text.toLowerCase();
  // A few characters have a longer lower case: places must be those of the text itself.
  const folded = lower.length === text.length ? lower : text;
  const units = new Uint16Array(folded.length);
  for (let i = 0; i < folded.length; i++) units[i] = folded.charCodeAt(i);
  return units;
}

/** One bit for each letter or digit, the rest share: what a text lacks, no place in it can have. */
export function maskOf(folded: Uint16Array, start = 0, end = folded.length): number {
  let mask = 0;
  for (let i = start; i < end; i++) mask |= bitOf(folded[i] ?? 0);
  return mask;
}

export function bitOf(unit: number): number {
  if (unit >= 97 && unit <= 122) return 1 << (unit - 97); // a to z
  if (unit >= 48 && unit <= 57) return 1 << (26 + ((unit - 48) >> 1));
  return 1 << 31;
}

/** Whether the units of a word are there in this order. */
export function isIn(word: Uint16Array, text: Uint16Array, start: number, end: number): boolean {
  let at = start;
  for (let w = 0; w < word.length; w++) {
    const unit = word[w];
    while (at < end && text[at] !== unit) at++;
    if (at++ >= end) return false;
  }
  return true;
}

function isSeparator(unit: number): boolean {
  // / \ - _ . space and the brackets that names have
  return unit === 47 || unit === 92 || unit === 45 || unit === 95 || unit === 46 || unit === 32 || unit === 40 || unit === 91;
}

function isUpper(unit: number): boolean {
  return unit >= 65 && unit <= 90;
}

export const noMatch = -1;

/** Places a word in a text; holds its tables, which grow with the longest, so that nothing is made for each file. */
export class Placer {
  private score = new Int32Array(4096);
  private run = new Int32Array(4096);

  /**
   * In a name alone, which lies from `start` to `end`; noMatch where it is not in there whole.
   * @param folded the text without case, `exact` with it.
   * @param places where given, receives the place of each unit of the word.
   */
  inName(word: Uint16Array, typed: string, folded: Uint16Array, exact: Uint16Array, start: number, end: number, places?: number[]): number {
    if (!isIn(word, folded, start, end)) return noMatch;
    const length = end - start;
    return this.best(word, typed, folded, exact, start, end, start, places) + points.inName + (length === word.length ? points.wholeName : 0) - Math.min(40, length - word.length);
  }

  /** In the first `length` units of a path, whose name is at `nameAt`: asked for words that are not in the name. */
  inPath(word: Uint16Array, typed: string, folded: Uint16Array, exact: Uint16Array, length: number, nameAt: number, places?: number[]): number {
    return isIn(word, folded, 0, length) ? this.best(word, typed, folded, exact, 0, length, nameAt, places) : noMatch;
  }

  private best(word: Uint16Array, typed: string, text: Uint16Array, exact: Uint16Array, start: number, end: number, nameAt: number, places: number[] | undefined): number {
    const width = end - start + 1;
    if (this.score.length < (word.length + 1) * width) {
      this.score = new Int32Array((word.length + 1) * width * 2);
      this.run = new Int32Array((word.length + 1) * width * 2);
    }
    const { score, run } = this;
    score.fill(0, 0, width);
    run.fill(0, 0, width);
    const none = -1_000_000;
    // score[w][i]: the most for the first w units within the first i; run: how many of them end there in one piece.
    for (let w = 1; w <= word.length; w++) {
      const row = w * width;
      const above = row - width;
      score[row] = none;
      run[row] = 0;
      const unit = word[w - 1];
      for (let i = 1; i < width; i++) {
        const skipped = (score[row + i - 1] ?? none) + (w < word.length ? points.skip : 0);
        let taken = none;
        let length = 0;
        const before = score[above + i - 1] ?? none;
        if (text[start + i - 1] === unit && before > none / 2) {
          length = (run[above + i - 1] ?? 0) + 1;
          taken = before + points.each + this.bonus(exact, start + i - 1, nameAt) + (length > 1 ? points.next : 0);
          if (exact[start + i - 1] === typed.charCodeAt(w - 1)) taken += points.sameCase;
        }
        if (taken >= skipped && taken > none / 2) {
          score[row + i] = taken;
          run[row + i] = length;
        } else {
          score[row + i] = skipped;
          run[row + i] = 0;
        }
      }
    }
    if (places !== undefined) {
      let i = width - 1;
      for (let w = word.length; w > 0; i--) {
        if ((run[w * width + i] ?? 0) === 0) continue;
        places.push(start + i - 1);
        w--;
      }
      places.reverse();
    }
    return score[word.length * width + width - 1] ?? noMatch;
  }

  private bonus(exact: Uint16Array, at: number, nameAt: number): number {
    if (at === nameAt) return points.beginsName + points.beginning;
    if (at === 0) return points.afterSeparator;
    const before = exact[at - 1] ?? 0;
    if (isSeparator(before)) return points.afterSeparator;
    return isUpper(exact[at] ?? 0) && !isUpper(before) ? points.camel : 0;
  }
}
