/**
 * Restorers of Python's dates and times. A time zone by itself has nothing that corresponds to it, and stays as the pickle
 * describes it until a date wants it.
 *
 * @module
 */
import { unreadable } from "../error.ts";
import { PythonName, PythonObject } from "../python_object.ts";
import { type Restorer, UNMAPPED, wholeOf } from "../restorer.ts";
import { temporal } from "../../runtime/timing.ts";

const DAY = 86_400;
/** The most days of a timedelta. */
const MOST_DAYS = 999_999_999;

const TIMEZONE = new PythonName("datetime", "timezone");
const ZONE = new PythonName("zoneinfo", "ZoneInfo");

/** The packed form of a date or time: so many bytes, or, in protocol 2, letters. */
function packed(source: unknown, size: number): Uint8Array {
  if (!(source instanceof Uint8Array) || source.length !== size) {
    throw unreadable("a date or time in it has a wrong size");
  }
  return source;
}

/** What `bytes[at]` to `bytes[at + 2]` say of a second. */
function fraction(bytes: Uint8Array, at: number): [milliseconds: number, microseconds: number] {
  const all = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
  if (all > 999_999) throw unreadable("a time in it has more than a million microseconds");
  return [Math.floor(all / 1000), all % 1000];
}

function requireYear(year: number): number {
  if (year < 1 || year > 9999) throw unreadable(`a date in it is of the year ${year}, wanted 1 to 9999`);
  return year;
}

/** A timedelta. Python's days may be negative where the rest is not; all parts of a Duration have one sign. */
function durationOf(args: readonly unknown[]): unknown {
  const [first = 0, second = 0, third = 0] = args;
  const days = wholeOf(first, -MOST_DAYS, MOST_DAYS);
  const seconds = wholeOf(second, 0, DAY - 1);
  const micros = wholeOf(third, 0, 999_999);
  if (days === null || seconds === null || micros === null || args.length > 3) {
    throw unreadable("a timedelta in it is out of range");
  }
  const { Duration } = temporal();
  if (days >= 0 || seconds === 0 && micros === 0) return new Duration(0, 0, 0, days, 0, 0, seconds, 0, micros);
  const [backSeconds, backMicros] = micros === 0 ? [seconds - DAY, 0] : [seconds - DAY + 1, micros - 1_000_000];
  return new Duration(0, 0, 0, days + 1, 0, 0, backSeconds, 0, backMicros);
}

/** The name of a zone by which Temporal knows it; `null` if it can know none. */
function zoneOf(zone: unknown): string | null {
  if (!(zone instanceof PythonObject)) return null;
  const [first] = zone.args;
  if (`${zone.type}` === `${ZONE}`) return typeof first === "string" ? first : null;
  if (`${zone.type}` !== `${TIMEZONE}` || !(first instanceof temporal().Duration)) return null;
  const seconds = first.total("seconds");
  if (seconds % 60 !== 0 || Math.abs(seconds) >= DAY) return null;
  if (seconds === 0) return "UTC";
  const digits = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const minutes = Math.abs(seconds) / 60;
  return `${seconds < 0 ? "-" : "+"}${digits(minutes / 60)}:${digits(minutes % 60)}`;
}

/** A datetime. The highest bit of the month says that it is the later of two times that a clock shows twice. */
function datetimeOf(args: readonly unknown[]): unknown {
  const bytes = packed(args[0], 10);
  const year = requireYear(bytes[0] << 8 | bytes[1]);
  const isLater = bytes[2] > 0x7f;
  const [milliseconds, microseconds] = fraction(bytes, 7);
  const { PlainDateTime } = temporal();
  const local = new PlainDateTime(
    ...[year, bytes[2] & 0x7f, bytes[3], bytes[4], bytes[5], bytes[6], milliseconds, microseconds] as const,
  );
  if (args.length < 2 || args[1] === null) return local;
  const zone = zoneOf(args[1]);
  if (zone === null) return UNMAPPED;
  if (!isLater) return local.toZonedDateTime(zone);
  const later = local.toZonedDateTime(zone, { disambiguation: "later" });
  // Of a time that the clock leaves out, Python's later one is as if the clock had been put on already.
  return later.toPlainDateTime().equals(local) ? later : local.toZonedDateTime(zone, { disambiguation: "earlier" });
}

function dateOf(args: readonly unknown[]): unknown {
  const bytes = packed(args[0], 4);
  return new (temporal().PlainDate)(requireYear(bytes[0] << 8 | bytes[1]), bytes[2], bytes[3]);
}

/** A time of day; with a zone, it is none that JavaScript has. */
function timeOf(args: readonly unknown[]): unknown {
  if (args.length > 1 && args[1] !== null) return UNMAPPED;
  const bytes = packed(args[0], 6);
  const [milliseconds, microseconds] = fraction(bytes, 3);
  return new (temporal().PlainTime)(bytes[0] & 0x7f, bytes[1], bytes[2], milliseconds, microseconds);
}

/** By names of `datetime` and `zoneinfo`. */
export const TIMES: readonly (readonly [string, Restorer])[] = [
  ["datetime.datetime", { make: datetimeOf }],
  ["datetime.date", { make: dateOf }],
  ["datetime.time", { make: timeOf }],
  ["datetime.timedelta", { make: durationOf }],
  ["datetime.timezone", { make: (args) => new PythonObject(TIMEZONE, args) }],
  ["zoneinfo.ZoneInfo", { make: (args) => new PythonObject(ZONE, args) }],
  // By a key, and whether Python is to have one object for all zones of that key.
  ["zoneinfo.ZoneInfo._unpickle", { make: (args) => new PythonObject(ZONE, args.slice(0, 1)) }],
];
