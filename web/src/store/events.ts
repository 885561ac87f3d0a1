/** Server-Sent Events: text to messages. EventSource is not used because it cannot send an Authorization header. */

export interface Message {
  id: string | null;
  event: string;
  data: string;
}

/** Splits what has arrived into whole messages and the rest. Comment lines are dropped. */
export function parseEvents(buffer: string): { messages: Message[]; rest: string } {
  // A carriage return at the end may be the first half of a line end.
  const half = buffer.endsWith("\r") ? "\r" : "";
  const whole = buffer.slice(0, buffer.length - half.length);
  const blocks = whole.replace(/\r\n?/g, "\n").split("\n\n");
  const rest = (blocks.pop() ?? "") + half;
  return { messages: blocks.map(parseBlock).filter((m) => m !== null), rest };
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
