/** Server-Sent Events: text to messages. EventSource is not used because it cannot send an Authorization header. */

export interface Message {
  id: string | null;
  event: string;
  data: string;
}

/** Finds the messages in text that arrives in pieces. A snapshot has megabytes, so each piece is looked at once. */
export class EventParser {
  private pieces: string[] = [];
  private half = "";

  /** The messages that this piece completes. Comments are dropped. */
  push(piece: string): Message[] {
    const text = this.half + piece;
    this.half = text.endsWith("\r") ? "\r" : ""; // perhaps the first half of a line end
    const clean = text.slice(0, text.length - this.half.length).replace(/\r\n?/g, "\n");
    if (clean === "") return [];
    const before = this.pieces.at(-1) ?? "";
    this.pieces.push(clean);
    if (!(before.slice(-1) + clean).includes("\n\n")) return [];
    const blocks = this.pieces.join("").split("\n\n");
    const rest = blocks.pop() ?? "";
    this.pieces = rest ? [rest] : [];
    return blocks.map(parseBlock).filter((m) => m !== null);
  }
}

function parseBlock(block: string): Message | null {
  const message: Message = { id: null, event: "message", data: "" };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const field = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") message.id = value;
    else if (field === "event") message.event = value;
    else if (field === "data") data.push(value);
  }
  message.data = data.join("\n");
  return data.length > 0 ? message : null;
}
