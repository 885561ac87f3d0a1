/** The answer of the model, or why there is none and what to do. */
import type { ComponentChildren } from "preact";
import type { SweepPage } from "../api.ts";
import { isReport } from "../store/store.ts";
import { plural } from "../text/format.ts";
import { Remark, Text } from "../text/Text.tsx";
import type { Answer } from "./explanation.ts";

interface Props<T> {
  answer: Answer<T> & { again: () => void };
  page: SweepPage;
  children: (value: T) => ComponentChildren;
}

export function Answered<T extends { note: string }>({ answer, page, children }: Props<T>) {
  const { state, value, reason, again } = answer;
  const newer = page.row.counts.finished - answer.finished;
  return (
    <div aria-busy={state === "waiting"}>
      {state === "waiting" && !value && (
        <p class="muted" role="status">
          Asking the model… The first answer takes some seconds, because the model has to be fitted.
        </p>
      )}
      {state === "failed" && (
        <p class="problem" role="alert">
          <Text value={reason} limit={1000} />{" "}
          {!isReport.value && (
            <button type="button" onClick={again}>
              Try again
            </button>
          )}
        </p>
      )}
      {value?.note && <Remark text={value.note} />}
      {value && children(value)}
      {state !== "failed" && value && newer > 0 && (
        <p class="muted">
          {plural(newer, "run")} finished since then.{" "}
          <button type="button" disabled={state === "waiting"} onClick={again}>
            {state === "waiting" ? "Asking…" : "Ask again"}
          </button>
        </p>
      )}
    </div>
  );
}
