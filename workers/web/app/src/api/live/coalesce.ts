/**
 * A burst of calls becomes one run now and one after it: none is lost, and a heart-rate strap that reports every
 * second does not pile up questions to a slow hub.
 */
export function coalesce(run: () => Promise<unknown>): () => void {
  let running = false;
  let again = false;
  return function request(): void {
    if (running) {
      again = true;
      return;
    }
    running = true;
    void run().finally(() => {
      running = false;
      if (!again) return;
      again = false;
      request();
    });
  };
}
