// Browsers that do not speak JSON themselves, and credentials that refuse to.
import { beforeEach, expect, it, vi } from "vitest";
import { answerJson, creationOptions, requestOptions } from "./wire";

const bytes = (...of: number[]) => Uint8Array.from(of).buffer;
const descriptor = { type: "public-key", id: "AQ" };
const creation = {
  rp: { id: "localhost", name: "Betti" },
  user: { id: "Ag", name: "Phone", displayName: "Phone" },
  challenge: "Aw",
  pubKeyCredParams: [{ type: "public-key" as const, alg: -7 }],
  excludeCredentials: [descriptor],
};

beforeEach(() => vi.stubGlobal("PublicKeyCredential", class {}));

it("reads what the hub asks for, where the browser does not", () => {
  expect(creationOptions(creation)).toEqual({
    ...creation,
    user: { ...creation.user, id: bytes(2) },
    challenge: bytes(3),
    excludeCredentials: [{ ...descriptor, id: bytes(1) }],
  });
  const request = { challenge: "Aw", rpId: "localhost", userVerification: "required" };
  expect(requestOptions(request)).toEqual({ ...request, challenge: bytes(3), allowCredentials: [] });
});

it("leaves it to the browser where it does", () => {
  const parse = vi.fn(() => "parsed");
  vi.stubGlobal("PublicKeyCredential", {
    parseCreationOptionsFromJSON: parse,
    parseRequestOptionsFromJSON: parse,
  });
  expect(creationOptions(creation)).toBe("parsed");
  expect(requestOptions({ challenge: "Aw" })).toBe("parsed");
});

const made = {
  id: "AQ",
  rawId: bytes(1),
  type: "public-key",
  getClientExtensionResults: () => ({ credProps: { rk: true } }),
};

it.each([
  ["has no toJSON", {}],
  [
    "has one that refuses",
    {
      toJSON: () => {
        throw new TypeError("Illegal invocation");
      },
    },
  ],
])("writes an answer that %s", (_, more) => {
  const response = {
    clientDataJSON: bytes(4),
    attestationObject: bytes(5),
    getTransports: () => ["internal"],
  };
  const shared = { id: "AQ", rawId: "AQ", type: "public-key" };
  expect(answerJson({ ...made, ...more, response } as unknown as PublicKeyCredential)).toEqual({
    ...shared,
    clientExtensionResults: { credProps: { rk: true } },
    response: { clientDataJSON: "BA", attestationObject: "BQ", transports: ["internal"] },
  });
  const proof = {
    clientDataJSON: bytes(4),
    authenticatorData: bytes(5),
    signature: bytes(6),
    userHandle: bytes(7),
  };
  expect(answerJson({ ...made, ...more, response: proof } as unknown as PublicKeyCredential)).toEqual({
    ...shared,
    clientExtensionResults: { credProps: { rk: true } },
    response: { clientDataJSON: "BA", authenticatorData: "BQ", signature: "Bg", userHandle: "Bw" },
  });
});

it("takes the browser's own words where it has them", () => {
  const credential = { toJSON: () => ({ id: "AQ" }) } as unknown as PublicKeyCredential;
  expect(answerJson(credential)).toEqual({ id: "AQ" });
});
