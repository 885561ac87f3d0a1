/** Requests to the server that the page came from. The token is kept in memory only. */
import { initialToken } from "../app/router.ts";

let token: string | null = initialToken;

export function setToken(value: string): void {
  token = value.trim();
}

export class RequestError extends Error {
  readonly status: number;
  readonly field: string | undefined;
  constructor(status: number, message: string, field?: string) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

/** The response of a request that succeeded. Relative paths work behind a proxy's path prefix. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  const response = await fetch(new URL(path, document.baseURI), {
    ...init,
    headers,
    cache: "no-store",
    credentials: "same-origin",
  });
  if (!response.ok) throw await failure(response);
  return response;
}

async function failure(response: Response): Promise<RequestError> {
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as { error?: string; field?: string };
    return new RequestError(response.status, body.error ?? response.statusText, body.field);
  } catch {
    return new RequestError(response.status, text.slice(0, 500) || `the server answered ${response.status}`);
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request(path, signal ? { signal } : {})).json() as Promise<T>;
}

export async function postJson<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  };
  return (await request(path, signal ? { ...init, signal } : init)).json() as Promise<T>;
}

/** Path of a sweep below the server's root; `rest` starts with a slash. */
export function sweepPath(namespace: string, name: string, rest = ""): string {
  return `api/sweeps/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}${rest}`;
}
