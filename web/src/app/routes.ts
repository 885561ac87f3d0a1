/** Pure part of the router: fragments and links. */

export type Tab = "overview" | "curves" | "timeline" | "model" | "money" | "conditions";

export type Route =
  | { page: "list" }
  | { page: "sweep"; namespace: string; name: string; tab: string }
  | { page: "run"; namespace: string; name: string; run: string }
  | { page: "compare"; sweeps: string[] }
  | { page: "unknown"; path: string };

/** `#token=T&route=/s/ns/name` is how a command opens the page; every other fragment is a route. */
export function parseFragment(hash: string): { token: string | null; fragment: string; route: Route } {
  const text = hash.replace(/^#/, "");
  if (!text.startsWith("token=")) return { token: null, fragment: `#${text || "/"}`, route: parsePath(text) };
  const fields = new URLSearchParams(text);
  const path = fields.get("route") ?? "/";
  return { token: fields.get("token") || null, fragment: `#${path}`, route: parsePath(path) };
}

function parsePath(text: string): Route {
  const [path = "", query = ""] = text.split("?", 2);
  const parts = path.split("/").filter(Boolean).map(decoded);
  const [kind, namespace, name, third, run] = parts;
  if (parts.length === 0) return { page: "list" };
  if (kind === "compare") return { page: "compare", sweeps: new URLSearchParams(query).getAll("s") };
  if (kind === "s" && namespace && name) {
    if (third === "r" && run) return { page: "run", namespace, name, run };
    return { page: "sweep", namespace, name, tab: third ?? "overview" };
  }
  return { page: "unknown", path };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function sweepHref(namespace: string, name: string, tab?: string): string {
  const base = `#/s/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  return tab && tab !== "overview" ? `${base}/${tab}` : base;
}

export function runHref(namespace: string, name: string, run: string): string {
  return `${sweepHref(namespace, name)}/r/${encodeURIComponent(run)}`;
}

export function compareHref(sweeps: string[]): string {
  return `#/compare?${sweeps.map((s) => `s=${encodeURIComponent(s)}`).join("&")}`;
}
