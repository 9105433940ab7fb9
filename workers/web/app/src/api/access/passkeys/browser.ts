// What is asked of the browser, which asks the person.
import { answerJson, type CredentialJson, creationOptions, requestOptions } from "./wire";

/** Whether this browser knows passkeys, at this address: none does without encryption, but for this machine itself. */
export function knowsPasskeys(): boolean {
  return typeof window.PublicKeyCredential === "function" && navigator.credentials !== undefined;
}

/** Has a passkey made, if there is none among those that `options` name. Throws what the browser throws: a `DOMException` whose name says why. */
export async function makePasskey(
  options: PublicKeyCredentialCreationOptionsJSON,
): Promise<CredentialJson | "present"> {
  try {
    return answered(await navigator.credentials.create({ publicKey: creationOptions(options) }));
  } catch (error) {
    if (error instanceof DOMException && error.name === "InvalidStateError") return "present";
    throw error;
  }
}

/** Has the person prove to hold one. It is given up, with an `AbortError`, when `signal` says so. */
export async function provePasskey(
  options: PublicKeyCredentialRequestOptionsJSON,
  signal: AbortSignal,
): Promise<CredentialJson> {
  return answered(await navigator.credentials.get({ publicKey: requestOptions(options), signal }));
}

/** Tells the browser that the hub has not taken a passkey, so that it is not offered to the person for ever. */
export async function disownPasskey(rpId: string, credentialId: string): Promise<void> {
  try {
    await PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId });
  } catch {
    // It was a courtesy.
  }
}

function answered(credential: Credential | null): CredentialJson {
  if (credential === null) throw new DOMException("nobody answered", "NotAllowedError");
  return answerJson(credential as PublicKeyCredential);
}
