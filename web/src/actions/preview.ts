/** What an action would do, as the server says: asked again while the reader types. */
import { useEffect, useState } from "preact/hooks";
import type { ActionAnswer, ActionRequest } from "../api.ts";
import { postJson } from "../store/client.ts";

export interface Preview {
  state: "waiting" | "ready" | "failed";
  answer: ActionAnswer | null;
  error: string;
}

/** The reader has paused for this long. */
const PAUSE_MS = 400;

export function act(request: ActionRequest, signal?: AbortSignal): Promise<ActionAnswer> {
  return postJson<ActionAnswer>("api/actions", request, signal);
}

/** Null: the form has errors, so there is nothing to ask. */
export function usePreview(request: ActionRequest | null): Preview {
  const [preview, setPreview] = useState<Preview>({ state: "waiting", answer: null, error: "" });
  const key = request && JSON.stringify(request);
  useEffect(() => {
    if (!request) return;
    const abort = new AbortController();
    setPreview((before) => ({ ...before, state: "waiting" }));
    const timer = setTimeout(() => {
      act({ ...request, preview: true }, abort.signal)
        .then((answer) => setPreview({ state: "ready", answer, error: "" }))
        .catch(
          (error: Error) => abort.signal.aborted || setPreview({ state: "failed", answer: null, error: error.message }),
        );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return preview;
}
