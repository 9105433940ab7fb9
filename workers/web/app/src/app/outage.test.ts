import { describe, expect, it } from "vitest";
import { outage } from "./outage";

const AT = 1_000;
const offline = { presence: "offline", downSince: AT } as const;
const live = { presence: "live", downSince: null } as const;

describe("outage", () => {
  it("speaks of a hub that cannot be reached once that lasts", () => {
    expect(
      outage({ presence: "reconnecting", downSince: AT }, { answeredAt: AT - 1, failing: true }),
    ).toBeNull();
    expect(outage(offline, { answeredAt: AT - 1, failing: false })).toBe("unreachable");
    expect(outage(offline, { answeredAt: AT - 1, failing: true })).toBe("unreachable");
  });

  it("does not call a hub unreachable that goes on answering", () => {
    expect(outage(offline, { answeredAt: AT + 1, failing: false })).toBe("not-live");
    expect(outage(offline, { answeredAt: AT + 1, failing: true })).toBe("unreachable");
  });

  it("says when the hub is there and its readings are not", () => {
    expect(outage(live, { answeredAt: AT, failing: true })).toBe("failing");
    expect(outage(live, { answeredAt: AT, failing: false })).toBeNull();
  });

  it("says nothing of what could not be asked during a restart that is not spoken of", () => {
    expect(outage({ presence: "live", downSince: AT }, { answeredAt: AT, failing: true })).toBeNull();
  });
});
