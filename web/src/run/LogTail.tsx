/** The end of a run's log. It follows the program, and stops moving while the reader looks at earlier lines. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RunPage } from "../api.ts";
import { RequestError, request, sweepPath } from "../store/client.ts";
import { isReport } from "../store/store.ts";
import { plural, visible } from "../text/format.ts";
import { Tail } from "./tail.ts";

type Log = RunPage["logs"][number];
interface Props {
  namespace: string;
  sweep: string;
  run: string;
  logs: readonly Log[];
  /** The run is over: its log does not grow. */
  over: boolean;
}

const NEAR_THE_END = 40;
const RETRY_MS = 3000;
/** A program may print thousands of lines per second. */
const DRAW_MS = 200;

export function LogTail({ namespace, sweep, run, logs, over }: Props) {
  const [chosen, choose] = useState<string | null>(null);
  if (isReport.value) return <p class="muted">A report does not contain logs.</p>;
  const newest = logs[logs.length - 1];
  if (!newest) return <p class="muted">No log: no attempt of this run has started.</p>;
  const log = logs.find((l) => nameOf(l) === chosen) ?? newest;
  const query = new URLSearchParams({
    stage: log.stage,
    attempt: `${log.attempt}`,
    rank: `${log.rank}`,
    tail: "1000",
    follow: "1",
  });
  return (
    <>
      {logs.length > 1 && (
        <label class="log-choice">
          Log of{" "}
          <select value={nameOf(log)} onChange={(e) => choose(e.currentTarget.value)}>
            {logs.map((l) => (
              <option key={nameOf(l)} value={nameOf(l)}>
                {nameOf(l)}
              </option>
            ))}
          </select>
        </label>
      )}
      <Lines
        key={nameOf(log)}
        path={sweepPath(namespace, sweep, `/runs/${encodeURIComponent(run)}/log?${query}`)}
        over={over}
      />
    </>
  );
}

function nameOf(log: Log): string {
  return `${log.stage}, attempt ${log.attempt}${log.rank > 0 ? `, pod ${log.rank}` : ""}`;
}

function Lines({ path, over }: { path: string; over: boolean }) {
  const box = useRef<HTMLPreElement>(null);
  const [follow, setFollow] = useState(true);
  const { tail, version, state } = useTail(path, over);
  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [version, follow]);
  const moved = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    setFollow(scrollHeight - scrollTop - clientHeight < NEAR_THE_END);
  };
  return (
    <div class="log">
      <pre ref={box} tabIndex={0} role="log" aria-live="off" aria-label="Log" onScroll={moved}>
        {tail.lines.map((line) => visible(line)).join("\n") || (state === "reading" ? "" : "The log is empty.")}
      </pre>
      <div class="log-state">
        <span role="status">{follow ? state : "paused while you read earlier lines"}</span>
        {tail.dropped > 0 && <span>{plural(tail.dropped, "earlier line")} not shown</span>}
        {!follow && (
          <button type="button" onClick={() => setFollow(true)}>
            Follow
          </button>
        )}
      </div>
    </div>
  );
}

/** Reads the log until it ends. A broken connection is tried again, from the start of the tail. */
function useTail(path: string, over: boolean): { tail: Tail; version: number; state: string } {
  const tail = useRef(new Tail());
  const [version, setVersion] = useState(0);
  const [state, setState] = useState("reading");
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let drawing: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      drawing ??= setTimeout(() => {
        drawing = undefined;
        setVersion((v) => v + 1);
      }, DRAW_MS);
    };
    const read = async () => {
      try {
        const body = (await request(path, { signal: abort.signal })).body!;
        tail.current = new Tail();
        setState("following");
        const reader = body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          tail.current.add(value);
          show();
        }
        setState("end of the log");
        show();
      } catch (error) {
        if (abort.signal.aborted) return;
        const reason = (error as Error).message || "the connection was lost";
        const final = over && error instanceof RequestError;
        setState(final ? reason : `${reason}; trying again`);
        if (!final) timer = setTimeout(() => void read(), RETRY_MS);
      }
    };
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
      clearTimeout(drawing);
    };
  }, [path]);
  return { tail: tail.current, version, state };
}
