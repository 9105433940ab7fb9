import { describe, expect, it, vi } from "vitest";
import { recordedAt } from "../testing/recorded";
import { get, RefusedError, UnreachableError } from "./request";

function hubAnswers(response: () => Response | Promise<Response>) {
  vi.stubGlobal("fetch", async () => response());
}

describe("get", () => {
  it("returns what is in the envelope", async () => {
    const { empty } = recordedAt(0);
    hubAnswers(() => Response.json(empty.body));
    await expect(get("/api/vitals/latest")).resolves.toEqual([]);
  });

  it("passes the hub's own words on when it refuses", async () => {
    const { unknownKind } = recordedAt(0);
    hubAnswers(() => Response.json(unknownKind.body, { status: unknownKind.status }));
    const refusal = await get("/api/vitals/history/pulse").catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RefusedError);
    expect(refusal).toMatchObject({ status: 400, message: expect.stringContaining("Must be one of") });
  });

  it("takes success:false for a refusal even when the status says 200", async () => {
    hubAnswers(() => Response.json({ success: false, error: "no" }));
    await expect(get("/api/x")).rejects.toThrow("no");
  });

  it.each([502, 503, 504])("takes a gateway's %i for a hub that is not there", async (status) => {
    hubAnswers(() => new Response("bad gateway", { status }));
    await expect(get("/api/x")).rejects.toBeInstanceOf(UnreachableError);
  });

  it("takes a failed fetch for a hub that is not there", async () => {
    hubAnswers(() => Promise.reject(new TypeError("Failed to fetch")));
    await expect(get("/api/x")).rejects.toBeInstanceOf(UnreachableError);
  });

  it("does not take a web page for an answer", async () => {
    hubAnswers(() => new Response("<!doctype html>", { status: 200 }));
    await expect(get("/api/x")).rejects.toBeInstanceOf(RefusedError);
  });

  it("keeps the page's own cancelling apart from an unreachable hub", async () => {
    const leaving = new AbortController();
    hubAnswers(() => {
      leaving.abort();
      return Promise.reject(leaving.signal.reason);
    });
    await expect(get("/api/x", leaving.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});
