import { act, render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { ageText } from "./age";
import { useNow } from "./useNow";

function Age({ of }: { of: number }) {
  return <p>{ageText(of, useNow())}</p>;
}

it("lets ages grow while nothing else happens", () => {
  vi.useFakeTimers();
  render(<Age of={Date.now()} />);
  expect(screen.getByText("just now")).toBeDefined();
  act(() => vi.advanceTimersByTime(125_000));
  expect(screen.getByText("2 min ago")).toBeDefined();
});

it("leaves no timer behind", () => {
  vi.useFakeTimers();
  render(<Age of={Date.now()} />).unmount();
  expect(vi.getTimerCount()).toBe(0);
});
