// The browser's own peer connection, as far as a call needs it.
import type { Media } from "./call";

/** One attempt to reach the other one: used once, from its first offer or answer to its end. */
export interface Peer {
  offer(): Promise<RTCSessionDescriptionInit>;
  answer(offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit>;
  accept(answer: RTCSessionDescriptionInit): Promise<void>;
  add(candidate: RTCIceCandidateInit): Promise<void>;
  close(): void;
}

export interface PeerEvents {
  onCandidate: (candidate: RTCIceCandidateInit) => void;
  onMedia: (media: Media) => void;
}

export type OpenPeer = (events: PeerEvents) => Peer;

const MEDIA: Record<RTCPeerConnectionState, Media> = {
  new: "connecting",
  connecting: "connecting",
  connected: "connected",
  // The browser goes on trying by itself, and says "failed" when it gives up.
  disconnected: "connected",
  failed: "failed",
  closed: "none",
};

/** Sends `own`, and hands over what comes. */
export function browserPeer(
  own: MediaStream,
  onStream: (stream: MediaStream) => void,
  configuration: RTCConfiguration = {},
): OpenPeer {
  return ({ onCandidate, onMedia }) => {
    const connection = new RTCPeerConnection(configuration);
    for (const track of own.getTracks()) connection.addTrack(track, own);
    connection.onicecandidate = ({ candidate }) => candidate && onCandidate(candidate.toJSON());
    connection.ontrack = ({ streams }) => streams[0] && onStream(streams[0]);
    connection.onconnectionstatechange = () => onMedia(MEDIA[connection.connectionState]);
    return new BrowserPeer(connection);
  };
}

class BrowserPeer implements Peer {
  readonly #connection: RTCPeerConnection;
  /** Candidates that came before the description that they belong to. */
  #early: RTCIceCandidateInit[] = [];

  constructor(connection: RTCPeerConnection) {
    this.#connection = connection;
  }

  async offer(): Promise<RTCSessionDescriptionInit> {
    const offer = await this.#connection.createOffer();
    await this.#connection.setLocalDescription(offer);
    return offer;
  }

  async answer(offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit> {
    await this.accept(offer);
    const answer = await this.#connection.createAnswer();
    await this.#connection.setLocalDescription(answer);
    return answer;
  }

  async accept(description: RTCSessionDescriptionInit): Promise<void> {
    await this.#connection.setRemoteDescription(description);
    const early = this.#early;
    this.#early = [];
    for (const candidate of early) await this.#connection.addIceCandidate(candidate);
  }

  async add(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#connection.remoteDescription === null) this.#early.push(candidate);
    else await this.#connection.addIceCandidate(candidate);
  }

  close(): void {
    this.#connection.onicecandidate = null;
    this.#connection.ontrack = null;
    this.#connection.onconnectionstatechange = null;
    this.#connection.close();
  }
}
