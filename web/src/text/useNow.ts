import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { report } from "../store/store.ts";

/** The time in milliseconds that the page shows: now, or when the report was written. */
export function currentTime(): number {
  const written = report.peek()?.written;
  return written === undefined ? Date.now() : Date.parse(written);
}

/** `currentTime`, renewed every `interval`. */
export function useNow(interval: number): number {
  const now = useSignal(currentTime());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = currentTime();
    }, interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now.value;
}
