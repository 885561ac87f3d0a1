/** The last lines of a log that arrives in pieces. Memory is bounded, whatever the log contains. */

export const MAX_LINES = 5000;
export const MAX_LINE = 4000;

export class Tail {
  lines: string[] = [];
  /** Lines that were dropped from the front. */
  dropped = 0;
  /** The beginning of a line that has not ended. It is also the last one of `lines`. */
  private rest = "";
  private readonly limit: number;

  constructor(limit = MAX_LINES) {
    this.limit = limit;
  }

  add(text: string): void {
    if (this.rest !== "") this.lines.pop();
    const parts = (this.rest + text).split("\n");
    const last = parts[parts.length - 1]!;
    if (last === "") parts.pop();
    for (const part of parts) this.lines.push(shown(part));
    this.rest = last.slice(last.lastIndexOf("\r", last.length - 2) + 1).slice(0, MAX_LINE + 1);
    const excess = this.lines.length - this.limit;
    // dropped in portions, because each removal moves all lines
    if (excess > this.limit / 10) {
      this.lines.splice(0, excess);
      this.dropped += excess;
    }
  }
}

/** What a terminal would leave of the line: a carriage return starts it again, as progress bars do. */
function shown(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  const visible = text.slice(text.lastIndexOf("\r") + 1);
  return visible.length > MAX_LINE ? `${visible.slice(0, MAX_LINE - 1)}…` : visible;
}
