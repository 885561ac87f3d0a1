import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** The current time in milliseconds, renewed every `interval`. */
export function useNow(interval: number): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now.value;
}
