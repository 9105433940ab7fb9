import { describe, expect, it, vi } from "vitest";
import { isWhole, takeCode, tidyCode } from "./code";

describe("a typed code", () => {
  it.each([
    ["K7QP-3M9X", "K7QP-3M9X"],
    ["k7qp3m9x", "K7QP-3M9X"],
    [" k7 qp – 3m 9x ", "K7QP-3M9X"],
    ["oOlI-0011", "0011-0011"],
    ["K7QP", "K7QP"],
    ["K7QP3", "K7QP-3"],
    ["", ""],
  ])("%j is read as %j", (typed, code) => expect(tidyCode(typed)).toBe(code));

  it("is whole with eight symbols", () => {
    expect(isWhole("k7qp 3m9x")).toBe(true);
    expect(isWhole("k7qp 3m9")).toBe(false);
  });
});

describe("the code in the address", () => {
  it("is taken out of the address and of the history", () => {
    const history = { state: null, replaceState: vi.fn() };
    expect(takeCode({ pathname: "/pair", search: "", hash: "#k7qp-3m9x" }, history)).toBe("K7QP-3M9X");
    expect(history.replaceState).toHaveBeenCalledWith(null, "", "/pair");
  });

  it.each([
    ["/", "#k7qp-3m9x"],
    ["/pair", ""],
    ["/pair", "#"],
  ])("is none at %s%s", (pathname, hash) => {
    const history = { state: null, replaceState: vi.fn() };
    expect(takeCode({ pathname, search: "", hash }, history)).toBe("");
    expect(history.replaceState).not.toHaveBeenCalled();
  });

  it("survives what is no encoding", () => {
    const history = { state: null, replaceState: vi.fn() };
    expect(takeCode({ pathname: "/pair", search: "", hash: "#%E0%A4%A" }, history)).not.toContain("%");
  });
});
