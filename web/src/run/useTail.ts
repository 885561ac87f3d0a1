import { useEffect, useRef, useState } from "preact/hooks";
import { RequestError, request } from "../store/client.ts";
import { Tail } from "./tail.ts";

/** The state of a log that has been read to its end. */
export const END = "end of the log";
const RETRY_MS = 3000;
/** A program may print thousands of lines per second. */
const DRAW_MS = 200;

/** The log at `path`, as far as it has been read. `over`: the run is over, so a refusal is final. */
export function useTail(path: string, over: boolean): { tail: Tail; version: number; state: string } {
  const tail = useRef(new Tail());
  const [version, setVersion] = useState(0);
  const [state, setState] = useState("reading");
  useEffect(() => {
    let drawing: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      drawing ??= setTimeout(() => {
        drawing = undefined;
        setVersion((v) => v + 1);
      }, DRAW_MS);
    };
    const begin = () => {
      tail.current = new Tail();
      setState("following");
    };
    const add = (text: string) => {
      tail.current.add(text);
      show();
    };
    const stop = readLog(path, { begin, add, say: setState, over });
    return () => {
      stop();
      clearTimeout(drawing);
    };
  }, [path]);
  return { tail: tail.current, version, state };
}

interface Reader {
  /** The log is read from the start of its tail. */
  begin: () => void;
  add: (text: string) => void;
  say: (state: string) => void;
  over: boolean;
}

/** Reads the log until it ends. A broken connection is tried again. Returns a function that stops reading. */
function readLog(path: string, { begin, add, say, over }: Reader): () => void {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async () => {
    try {
      const body = (await request(path, { signal: abort.signal })).body!;
      begin();
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        add(value);
      }
      say(END);
      add("");
    } catch (error) {
      if (abort.signal.aborted) return;
      const reason = (error as Error).message || "the connection was lost";
      const final = over && error instanceof RequestError;
      say(final ? reason : `${reason}; trying again`);
      if (!final) timer = setTimeout(() => void read(), RETRY_MS);
    }
  };
  void read();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}
