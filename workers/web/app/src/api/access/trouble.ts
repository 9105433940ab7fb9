// What went wrong, in words for the person in front of it.
import { RefusedError, UnreachableError } from "../request";

/** Why a code did not open the door, and what to do. */
export function pairingTrouble(error: unknown): string {
  if (error instanceof UnreachableError)
    return "The hub can’t be reached. Is it switched on, and is this device on the home’s network? Then try again.";
  if (!(error instanceof RefusedError)) return "Something went wrong on this page. Please try again.";
  switch (error.status) {
    case 401:
      // The hub tells nobody which of them it is: that would help whoever guesses.
      return "This code is not valid. It may be mistyped, already used, or older than 5 minutes. Check it, or ask for a new one.";
    case 429:
      return `Too many tries. ${waitText(error.waitSeconds)}`;
    default:
      return `The hub did not pair this device: ${error.message}`;
  }
}

/** Why the PIN did not unlock this device. */
export function pinTrouble(error: unknown): string {
  if (error instanceof RefusedError && error.status === 429)
    return `Too many wrong PINs. ${waitText(error.waitSeconds)}`;
  if (error instanceof RefusedError && error.status === 403) return "This PIN is not right. Try again.";
  return troubleText(error);
}

/** Why something was not shown or done. */
export function troubleText(error: unknown): string {
  if (error instanceof UnreachableError) return "The hub can’t be reached. Please try again in a moment.";
  if (!(error instanceof RefusedError)) return "Something went wrong on this page. Please try again.";
  if (error.status === 429) return `Too many requests. ${waitText(error.waitSeconds)}`;
  if (error.needsPin !== null) return error.message;
  if (error.status === 403) return `This device may not do that. ${error.message}`;
  return error.message;
}

function waitText(seconds: number | null): string {
  if (seconds === null) return "Wait a while, then try again.";
  if (seconds < 60)
    return `Wait ${seconds === 1 ? "1 second" : `${Math.ceil(seconds)} seconds`}, then try again.`;
  const minutes = Math.ceil(seconds / 60);
  return `Wait ${minutes === 1 ? "1 minute" : `${minutes} minutes`}, then try again.`;
}
