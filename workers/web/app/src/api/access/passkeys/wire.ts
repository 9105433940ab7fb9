// WebAuthn's questions and answers as JSON. Browsers do that themselves; older ones (Safari before 17.4, Chrome before 129),
// and the credentials of some password managers, do not.
import { fromBase64url, toBase64url } from "./base64url";

type CreationJson = PublicKeyCredentialCreationOptionsJSON;
type RequestJson = PublicKeyCredentialRequestOptionsJSON;

/** What a browser answered. Only the hub looks into it. */
export interface CredentialJson {
  /** What the browser calls the passkey. */
  id: string;
}

/** What a browser is asked to make, from what the hub said. */
export function creationOptions(json: CreationJson): PublicKeyCredentialCreationOptions {
  if (typeof PublicKeyCredential.parseCreationOptionsFromJSON === "function")
    return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  // Extensions that carry bytes would stay as they are: the hub asks for none.
  return {
    ...json,
    challenge: fromBase64url(json.challenge),
    user: { ...json.user, id: fromBase64url(json.user.id) },
    excludeCredentials: (json.excludeCredentials ?? []).map(descriptor),
  } as unknown as PublicKeyCredentialCreationOptions;
}

/** What a browser is asked to prove, from what the hub said. */
export function requestOptions(json: RequestJson): PublicKeyCredentialRequestOptions {
  if (typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function")
    return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return {
    ...json,
    challenge: fromBase64url(json.challenge),
    allowCredentials: (json.allowCredentials ?? []).map(descriptor),
  } as unknown as PublicKeyCredentialRequestOptions;
}

function descriptor(json: PublicKeyCredentialDescriptorJSON): PublicKeyCredentialDescriptor {
  return { ...json, id: fromBase64url(json.id) } as PublicKeyCredentialDescriptor;
}

/** What a browser answered, as the hub reads it. */
export function answerJson(credential: PublicKeyCredential): CredentialJson {
  if (typeof credential.toJSON === "function") {
    try {
      return credential.toJSON();
    } catch {
      // Password managers put an object of their own in its place, on which the browser's function refuses to work.
    }
  }
  const json = {
    id: credential.id,
    rawId: toBase64url(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: responseJson(credential.response),
  };
  return json;
}

function responseJson(response: AuthenticatorResponse): object {
  const clientDataJSON = toBase64url(response.clientDataJSON);
  if ("attestationObject" in response) {
    const made = response as AuthenticatorAttestationResponse;
    const transports = typeof made.getTransports === "function" ? made.getTransports() : [];
    return { clientDataJSON, attestationObject: toBase64url(made.attestationObject), transports };
  }
  const { authenticatorData, signature, userHandle } = response as AuthenticatorAssertionResponse;
  return {
    clientDataJSON,
    authenticatorData: toBase64url(authenticatorData),
    signature: toBase64url(signature),
    ...(userHandle && { userHandle: toBase64url(userHandle) }),
  };
}
