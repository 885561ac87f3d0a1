/** The document of a report, which the page contains: {"gzip": BASE64}. */
import type { Report } from "../api.ts";

export async function unpacked(text: string): Promise<Report> {
  const { gzip } = JSON.parse(text) as { gzip: string };
  const bytes = Uint8Array.from(atob(gzip), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as Report;
}
