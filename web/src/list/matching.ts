import type { SweepRow } from "../api.ts";
import { wordsOf } from "../store/selection.ts";

/** The sweeps that contain all words of a text. */
export function matching(sweeps: SweepRow[], text: string): SweepRow[] {
  const words = wordsOf(text);
  return sweeps.filter((row) => {
    const all = `${row.namespace} ${row.name} ${row.displayName} ${row.state} ${row.metric}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}
