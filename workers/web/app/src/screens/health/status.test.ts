import { describe, expect, it } from "vitest";
import { presentStatusLook, ratedStatus, SPEAKS_OF_NOW_MS, statusLook } from "./status";

const NOW = Date.parse("2031-05-07T12:00:00Z");

describe("the look of a status", () => {
  it.each([
    ["Normal", "good", "check"],
    ["Low", "notice", "down"],
    ["Elevated", "notice", "up"],
    ["High", "alert", "up"],
    ["Fever", "alert", "thermometer"],
    ["Critical", "critical", "warning"],
    ["critical", "critical", "warning"],
  ])("%s has a word, a colour and a picture", (status, tone, icon) => {
    expect(statusLook(status)).toEqual({ words: status, tone, icon });
  });

  it("never gives two statuses the same picture and the same colour", () => {
    const looks = ["Normal", "Low", "Elevated", "High", "Fever", "Critical"].map(statusLook);
    expect(new Set(looks.map(({ tone, icon }) => `${tone} ${icon}`)).size).toBe(looks.length);
  });

  it("does not take an unknown word or none for normal", () => {
    expect(statusLook("Peculiar")).toEqual({ words: "Peculiar", tone: "neutral", icon: "question" });
    expect(statusLook(null)).toEqual({ words: "Not rated", tone: "neutral", icon: "question" });
  });
});

describe("the look of a status that stands for now", () => {
  it("speaks of now for a day", () => {
    expect(presentStatusLook("High", NOW - SPEAKS_OF_NOW_MS + 1, NOW).words).toBe("High");
  });

  it.each([
    ["an old reading", NOW - SPEAKS_OF_NOW_MS],
    ["a reading without a time", null],
    ["a reading from the future", NOW + 3_600_000],
  ])("speaks of the past for %s", (_, recordedAt) => {
    expect(presentStatusLook("High", recordedAt, NOW)).toEqual({
      words: "Was high",
      tone: "neutral",
      icon: "up",
    });
  });

  it("has nothing to say of the past when nobody rated it", () => {
    expect(presentStatusLook(null, NOW - SPEAKS_OF_NOW_MS, NOW).words).toBe("Not rated");
  });
});

describe("what the hub's word says", () => {
  it.each([
    ["blood_pressure", "118/76", "Normal", "Normal"],
    ["blood_pressure", "118/–", "Normal", null],
    ["blood_pressure", "118/0", "Normal", null],
    ["blood_pressure", "181/–", "Critical", "Critical"],
    ["weight", "1000.5", "Normal", null],
    ["heart_rate", "68", "Normal", "Normal"],
    ["heart_rate", "68", null, null],
  ])("%s %s, %s: %s", (kind, value, status, rated) => {
    expect(ratedStatus({ kind, value, status })).toBe(rated);
  });
});
