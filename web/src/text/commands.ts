/** Commands that the reader can run instead of using the page. */
import type { RunRow, SweepRow } from "../api.ts";
import { server } from "../store/store.ts";

const PLAIN = /^[\w./:=@%+-]+$/;

/** A word of a shell's command line. */
function word(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What users call a sweep or a run: on one machine by its label, in a cluster by the name of its object. */
function nameOf(object: { name: string; displayName: string } | { name: string; label: string }): string {
  if (server.value?.command === "kubectl sweep") return object.name;
  return ("label" in object ? object.label : object.displayName) || object.name;
}

function commandLine(row: SweepRow, ...words: string[]): string {
  const program = server.value?.command ?? "sweep";
  const where = program === "kubectl sweep" ? ["-n", row.namespace] : [];
  return [program, ...[...words, ...where].map(word)].join(" ");
}

export function explainCommand(row: SweepRow, ...words: string[]): string {
  return commandLine(row, "explain", nameOf(row), ...words);
}

export function explainRunCommand(row: SweepRow, run: RunRow): string {
  return explainCommand(row, nameOf(run));
}

export function logsCommand(row: SweepRow, run: RunRow): string {
  return commandLine(row, "logs", nameOf(run));
}
