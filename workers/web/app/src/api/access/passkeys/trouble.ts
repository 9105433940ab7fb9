// Why a passkey was not made or not taken, in words for the person in front of it.
import { RefusedError } from "../../request";
import { pairingTrouble, troubleText } from "../trouble";

/** Why a passkey did not open the door; `null` if the page itself gave up, which needs no words. */
export function signInTrouble(error: unknown): string | null {
  switch (browserSays(error)) {
    case "AbortError":
      return null;
    case "NotAllowedError":
      // Browsers do not say which of them it is: a page could find out who somebody is.
      return "You are not signed in. It was cancelled, you were not recognised, or this device has no passkey for this hub. Try again, or use a code.";
    case "SecurityError":
      return "Passkeys do not work at this address of the hub. Use a code.";
    case null:
      break;
    default:
      return "This device could not use a passkey. Try again, or use a code.";
  }
  if (error instanceof RefusedError && error.status === 401)
    return "The hub does not know this passkey. It was removed, or the device that made it was. Use a code.";
  if (error instanceof RefusedError && error.status === 409) return error.message;
  return pairingTrouble(error);
}

/** Why no passkey was made; `null` if the page itself gave up. */
export function makingTrouble(error: unknown): string | null {
  switch (browserSays(error)) {
    case "AbortError":
      return null;
    case "NotAllowedError":
      return "No passkey was made. It was cancelled, or you were not recognised. You can try again.";
    case "SecurityError":
      return "No passkey was made: they do not work at this address of the hub.";
    case null:
      break;
    default:
      return "No passkey was made: this device cannot keep one. It may need a screen lock first: a fingerprint, a face or a PIN.";
  }
  if (error instanceof RefusedError && error.status === 409) return `No passkey was made: ${error.message}.`;
  return troubleText(error);
}

/** The name of what the browser threw; `null` if it was not the browser. */
function browserSays(error: unknown): string | null {
  return error instanceof DOMException ? error.name : null;
}
