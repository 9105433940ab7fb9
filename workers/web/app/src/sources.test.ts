// What the app's own sources do not do, so that what somebody wrote stays text and nothing of the resident stays on a device.
import { describe, expect, it } from "vitest";

const SOURCES: Record<string, string> = import.meta.glob(
  ["./**/*.ts", "./**/*.tsx", "!./**/*.test.*", "!./testing/**"],
  {
    query: "?raw",
    import: "default",
    eager: true,
  },
);

/** Where each of these is written, comments left out. */
function places(words: RegExp): string[] {
  const isThere = ([, source]: [string, string]) => words.test(source.replace(/^\s*(\/\/|\*|\/\*).*$/gm, ""));
  return Object.entries(SOURCES)
    .filter(isThere)
    .map(([path]) => path);
}

describe("the app's sources", () => {
  it("are all there", () => {
    expect(Object.keys(SOURCES).length).toBeGreaterThan(70);
    expect(places(/\buseState\b/).length).toBeGreaterThan(5);
  });

  it("make no markup and no program out of text", () => {
    const MARKUP =
      /dangerouslySetInnerHTML|\b(inner|outer)HTML\b|insertAdjacentHTML|createContextualFragment|DOMParser/;
    expect(places(MARKUP)).toEqual([]);
    expect(
      places(/\bdocument\.write|\beval\(|\bnew Function\b|set(Timeout|Interval)\(\s*["'`]|javascript:/),
    ).toEqual([]);
    expect(places(/\bsrcdoc\b|<iframe|<object|<embed/i)).toEqual([]);
  });

  it("keep nothing on the device", () => {
    expect(places(/\b(local|session)Storage\b|\bindexedDB\b|\bdocument\.cookie\b|\bcookieStore\b/)).toEqual(
      [],
    );
    expect(places(/\bcaches\b|showSaveFilePicker|navigator\.storage|persistQueryClient/)).toEqual([]);
  });

  it("hear of other windows nothing but their own service worker's word and that a tab was shut out", () => {
    const HEARS = /addEventListener\(\s*["'`]message\b|\bonmessage\b/;
    const SOCKETS = ["./api/call/connection.ts", "./api/live/connection.ts"]; // They hear the hub.
    expect(places(HEARS).sort()).toEqual([...SOCKETS, "./app/otherTabs.ts", "./sw.ts"]);
    expect(places(/\bnew BroadcastChannel\b/)).toEqual(["./app/otherTabs.ts"]);
    expect(places(/\bopener\b|\bparent\.postMessage|\bMessageChannel\b/)).toEqual([]);
    // What is heard there is one word each, compared whole: whatever else is said changes nothing.
    expect(SOURCES["./sw.ts"]).toContain('event.data?.type === "SKIP_WAITING"');
  });

  it("merge nothing that was sent into what programs are made of", () => {
    expect(places(/__proto__|\bsetPrototypeOf\b|Object\.assign\(|\bprototype\s*\[/)).toEqual([]);
  });

  it("speak to the hub that they came from and to nobody else, of calls neither", () => {
    const ELSEWHERE =
      /["'`](https?|wss?|stun|turns?):\/?\/?[a-z0-9]|fetch\(\s*["'`]\/\/|sendBeacon|EventSource\(\s*["'`]h/i;
    expect(places(ELSEWHERE)).toEqual([]);
    expect(places(/iceServers/)).toEqual([]);
  });

  it("put no secret into an address", () => {
    expect(places(/[?&](token|code|pin|key|secret|password)=/i)).toEqual([]);
  });
});
