import { queryOptions } from "@tanstack/react-query";
import { get, post, RefusedError, remove } from "../../request";
import { devices } from "../queries";
import { disownPasskey, makePasskey, provePasskey } from "./browser";
import { readHere, readPasskeys } from "./passkey";

const PATH = "/api/v1/access/passkeys";

/** Whether passkeys work at this address: the hub tells everybody, and it is about nobody. */
export const passkeysHere = queryOptions({
  queryKey: ["passkeys-here"],
  queryFn: async ({ signal }) => readHere(await get(`${PATH}/here`, signal)),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Below the devices, because it changes with them: a passkey is gone with the device that made it. */
export const passkeys = queryOptions({
  queryKey: [...devices.queryKey, "passkeys"],
  queryFn: async ({ signal }) => readPasskeys(await get(PATH, signal)),
});

/**
 * Makes a passkey of this device: the hub asks, the browser asks the person, the hub takes what was made. Where the browser
 * has it already, that is all.
 */
export async function addPasskey(): Promise<"made" | "present"> {
  const { ceremony, options } = (await post(
    `${PATH}/begin`,
    {},
  )) as Question<PublicKeyCredentialCreationOptionsJSON>;
  const credential = await makePasskey(options);
  if (credential === "present") return "present";
  try {
    await post(`${PATH}/finish`, { ceremony, credential });
  } catch (error) {
    if (error instanceof RefusedError && options.rp.id) await disownPasskey(options.rp.id, credential.id);
    throw error;
  }
  return "made";
}

/** Lets this browser in by a passkey: the hub's answer brings the cookie. The hub calls it after the one that made the passkey. */
export async function signIn(signal: AbortSignal): Promise<void> {
  const { ceremony, options } = (await post(
    `${PATH}/sign-in/begin`,
    {},
  )) as Question<PublicKeyCredentialRequestOptionsJSON>;
  const credential = await provePasskey(options, signal);
  await post(`${PATH}/sign-in/finish`, { ceremony, credential });
}

export function removePasskey(id: string): Promise<void> {
  return remove(`${PATH}/${encodeURIComponent(id)}`);
}

interface Question<Options> {
  /** What the hub calls it. It is answered once, within 5 minutes. */
  ceremony: string;
  options: Options;
}
