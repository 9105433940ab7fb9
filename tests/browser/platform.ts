/** A whole platform of its own for a test: the real binaries, the repository's ecosystem.toml, other ports. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type BrowserContext, test as base } from "@playwright/test";

const repository = resolve(import.meta.dirname, "../..");
const binaries = join(repository, "target/debug");
/** The ports that ecosystem.toml names, each exchanged for a free one. */
const ports = ["3001", "3002", "5173", "8080"];
/** Long enough for a debug build on a busy machine; a platform that needs longer hangs. */
const longestCommandMs = 60_000;

interface App {
  name: string;
  status: string;
  pid: number | null;
  restarts: number;
}

export interface Answer {
  code: number;
  output: string;
}

export class Platform {
  private constructor(
    private readonly folder: string,
    private readonly portOf: Map<string, number>,
  ) {}

  static async prepare(): Promise<Platform> {
    // Short, because a socket's path may have 107 bytes.
    const folder = mkdtempSync(join(tmpdir(), "betti-"));
    const portOf = new Map<string, number>();
    let text = readFileSync(join(repository, "ecosystem.toml"), "utf8");
    for (const port of ports) {
      const free = await freePort();
      portOf.set(port, free);
      text = text.replaceAll(new RegExp(`\\b${port}\\b`, "g"), String(free));
    }
    writeFileSync(join(folder, "ecosystem.toml"), text);
    mkdirSync(join(folder, "run"), { mode: 0o700 });
    return new Platform(folder, portOf);
  }

  /** The one origin that people open. */
  get origin(): string {
    return `http://127.0.0.1:${this.portOf.get("5173")}`;
  }

  /** The same as others in the home open it, who are not this machine to the hub. */
  get networkOrigin(): string {
    const addresses = Object.values(networkInterfaces()).flatMap((known) => known ?? []);
    const own = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
    if (own === undefined) throw new Error("this machine has no address on a network");
    return `http://${own.address}:${this.portOf.get("5173")}`;
  }

  /** Runs betti-ctl as a person would. */
  ctl(...words: string[]): Promise<Answer> {
    return this.run("betti-ctl", ["--config", join(this.folder, "ecosystem.toml"), ...words]);
  }

  /** Runs betti-api's commands, beside the one that serves. */
  api(...words: string[]): Promise<Answer> {
    return this.run("betti-api", words);
  }

  /** A certificate of the hub's own that was made so many days ago, by a clock that only `betti-ctl certs` sees. */
  certificateMade(daysAgo: number): Promise<Answer> {
    const command = [join(binaries, "betti-ctl"), "--config", join(this.folder, "ecosystem.toml"), "certs"];
    return this.run("/usr/bin/faketime", ["-f", `-${daysAgo}d`, ...command]);
  }

  private run(program: string, words: string[]): Promise<Answer> {
    const environment = {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      TZ: "America/New_York",
      BETTI_RUNTIME_DIR: join(this.folder, "run"),
      BETTI_DATA_DIR: join(this.folder, "data"),
    };
    return new Promise((done) => {
      execFile(
        resolve(binaries, program),
        words,
        { env: environment, timeout: longestCommandMs },
        (error, out, err) => {
          const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
          done({ code, output: out + err });
        },
      );
    });
  }

  /** The headers by which the hub knows whoever asks as one of its own workers. */
  get asWorker(): Record<string, string> {
    const token = readFileSync(join(this.folder, "data/service.key"), "utf8").trim();
    return { authorization: `Bearer ${token}` };
  }

  /** Pairs this browser as the resident's, by a code such as the command line prints, so that its pages are let in. */
  async pair(context: BrowserContext): Promise<void> {
    const { code, output } = await this.api("pair", "--role", "resident", "--name", "Browser");
    const oneTime = /\/pair#(\S+)/.exec(output)?.[1];
    if (code !== 0 || oneTime === undefined) throw new Error(`no code:\n${output}`);
    const answer = await context.request.post(`${this.origin}/api/v1/access/pair`, {
      data: { code: oneTime, name: "Browser" },
    });
    if (answer.status() !== 201) throw new Error(`not paired: ${answer.status()} ${await answer.text()}`);
  }

  async apps(): Promise<App[]> {
    const { output } = await this.ctl("status", "--json");
    return (JSON.parse(output) as { apps: App[] }).apps;
  }

  async pidOf(name: string): Promise<number> {
    const pid = (await this.apps()).find((app) => app.name === name)?.pid;
    if (pid == null) throw new Error(`${name} does not run`);
    return pid;
  }

  /** Every process that carries this platform's mark in its environment, however it detached itself. */
  processes(): string[] {
    const hub = readFileSync(join(this.folder, "run/hub.id"), "utf8").trim();
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => readOr(`/proc/${pid}/environ`).includes(`BETTI_INVOCATION=${hub}-`))
      .map((pid) => `${pid} ${readOr(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`);
  }

  /** What the apps wrote last, for the report of a test that failed. */
  logs(): string {
    const folder = join(this.folder, "logs");
    const tail = (name: string) => `--- ${name}\n${readOr(join(folder, name)).split("\n").slice(-15).join("\n")}`;
    return readdirSync(folder).map(tail).join("\n");
  }

  async remove(): Promise<void> {
    await this.ctl("kill");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A test that is handed a platform, which is gone afterwards, whatever happened. */
export const test = base.extend<{ platform: Platform }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  platform: async ({}, use, info) => {
    const platform = await Platform.prepare();
    try {
      await use(platform);
    } finally {
      if (info.status !== info.expectedStatus) await info.attach("logs", { body: platform.logs() });
      await platform.remove();
    }
  },
});

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return failed(new Error("no port"));
      server.close(() => done(address.port));
    });
  });
}

/** A process may end, and a file may not be there yet, while we look. */
function readOr(path: string, otherwise = ""): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
