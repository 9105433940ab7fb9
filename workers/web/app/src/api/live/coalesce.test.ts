import { expect, it, vi } from "vitest";
import { coalesce } from "./coalesce";

it("runs at once, and once more for everything that was asked meanwhile", async () => {
  const finish: (() => void)[] = [];
  const run = vi.fn(() => new Promise<void>((resolve) => finish.push(resolve)));
  const request = coalesce(run);

  request();
  request();
  request();
  expect(run).toHaveBeenCalledTimes(1);

  finish[0]?.();
  await vi.waitFor(() => expect(run).toHaveBeenCalledTimes(2));
  finish[1]?.();
  request();
  await vi.waitFor(() => expect(run).toHaveBeenCalledTimes(3));
});
