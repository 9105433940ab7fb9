/** What holds passkeys, as a telephone does: Chromium's own, which is made and told over its debugging protocol. */
import type { CDPSession, Page } from "@playwright/test";

export class Authenticator {
  private constructor(
    private readonly session: CDPSession,
    private readonly id: string,
  ) {}

  /** One that belongs to the device itself and knows its owner, for all that this tab asks. */
  static async in(page: Page): Promise<Authenticator> {
    const session = await page.context().newCDPSession(page);
    await session.send("WebAuthn.enable");
    const options = {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    } as const;
    const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
    return new Authenticator(session, authenticatorId);
  }

  /** Whether it recognises whoever holds it from now on. */
  async recognises(isUserVerified: boolean): Promise<void> {
    await this.session.send("WebAuthn.setUserVerified", { authenticatorId: this.id, isUserVerified });
  }

  /** Makes its passkeys known to another one, as telephones and computers of one owner do. */
  async shareWith(other: Authenticator): Promise<void> {
    for (const credential of await this.passkeys())
      await other.session.send("WebAuthn.addCredential", { authenticatorId: other.id, credential });
  }

  async passkeys() {
    return (await this.session.send("WebAuthn.getCredentials", { authenticatorId: this.id })).credentials;
  }
}
