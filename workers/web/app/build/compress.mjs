// Writes a .br and a .gz beside every text file of dist/, so that the hub never spends its own time on it:
// the strongest setting costs a second here and would cost a Raspberry Pi that second for each visitor.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url).pathname;
// Pictures and fonts are compressed already.
const TEXT = new Set([".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt"]);

const encoders = {
  ".br": (/** @type {Buffer} */ bytes) =>
    promisify(brotliCompress)(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
  ".gz": (/** @type {Buffer} */ bytes) => promisify(gzip)(bytes, { level: 9 }),
};

const files = (await readdir(DIST, { recursive: true })).filter((name) => TEXT.has(extname(name)));
const total = { plain: 0, ".br": 0, ".gz": 0 };
for (const name of files) {
  const path = join(DIST, name);
  const bytes = await readFile(path);
  total.plain += bytes.length;
  for (const [suffix, encode] of Object.entries(encoders)) {
    const small = await encode(bytes);
    total[/** @type {".br" | ".gz"} */ (suffix)] += small.length;
    await writeFile(path + suffix, small);
  }
}
process.stdout.write(
  `compressed ${files.length} files: ${total.plain} bytes, gzip ${total[".gz"]}, brotli ${total[".br"]}\n`,
);
