/**
 * Dates and times as Python packs them.
 *
 * @module
 */
import { Date, temporal } from "../../runtime/timing.ts";
import { PythonName, PythonObject } from "../python_object.ts";
import { Refusal } from "../refusal.ts";
import type { Reduction } from "../reduction.ts";

const DATETIME = new PythonName("datetime", "datetime");
const DATE = new PythonName("datetime", "date");
const TIME = new PythonName("datetime", "time");
const TIMEDELTA = new PythonName("datetime", "timedelta");
const TIMEZONE = new PythonName("datetime", "timezone");
const ZONE = new PythonName("zoneinfo", "ZoneInfo");

/** The most days of a timedelta. */
const MOST_DAYS = 999_999_999n;
const DAY = 86_400_000_000n;
const SECOND = 1_000_000n;

type Time = InstanceType<ReturnType<typeof temporal>["PlainTime"]>;
type Zoned = InstanceType<ReturnType<typeof temporal>["ZonedDateTime"]>;
type Local = InstanceType<ReturnType<typeof temporal>["PlainDateTime"]>;
type Span = InstanceType<ReturnType<typeof temporal>["Duration"]>;

/** What becomes of a date or time; `undefined` if a value is none. */
export function reducedTime(value: object): Reduction | undefined {
  if (value instanceof Date) return ofDate(value);
  const { Instant, ZonedDateTime, PlainDateTime, PlainDate, PlainTime, Duration } = temporal();
  if (value instanceof ZonedDateTime) return ofZoned(value);
  if (value instanceof PlainDateTime) return ofLocal(value, value, false);
  if (value instanceof Instant) return ofZoned(value.toZonedDateTimeISO("UTC"));
  if (value instanceof PlainDate) {
    const { year, month, day } = value.withCalendar("iso8601");
    return ofYear(value, year) ?? { name: DATE, args: [new Uint8Array([year >> 8, year, month, day])] };
  }
  if (value instanceof PlainTime) return { name: TIME, args: [new Uint8Array(packed(value))] };
  return value instanceof Duration ? ofDuration(value) : undefined;
}

function ofDate(date: Date): Reduction {
  const time = date.getTime();
  if (Number.isNaN(time)) return new Refusal(date, "it is no date");
  return ofZoned(temporal().Instant.fromEpochMilliseconds(time).toZonedDateTimeISO("UTC"), date);
}

function ofZoned(zoned: Zoned, value: object = zoned): Reduction {
  const local = zoned.toPlainDateTime();
  // Of a time that the clock shows twice, whether it is the later one.
  const isNamed = /[a-z]/i.test(zoned.timeZoneId) && zoned.timeZoneId !== "UTC";
  const isLater = isNamed && !local.toZonedDateTime(zoned.timeZoneId, { disambiguation: "earlier" }).equals(zoned);
  return ofLocal(value, local, isLater, zoneOf(zoned, isNamed));
}

/** Python's time zone. */
function zoneOf({ timeZoneId, offsetNanoseconds }: Zoned, isNamed: boolean): object {
  if (isNamed) return new PythonObject(ZONE, [timeZoneId]);
  const offset = new PythonObject(TIMEDELTA, parts(BigInt(offsetNanoseconds) / 1000n));
  return new PythonObject(TIMEZONE, [offset]);
}

function ofLocal(value: object, local: Local, isLater: boolean, zone?: object): Reduction {
  const { year, month, day } = local.withCalendar("iso8601");
  const bytes = new Uint8Array([year >> 8, year, isLater ? month | 0x80 : month, day, ...packed(local.toPlainTime())]);
  return ofYear(value, year) ?? { name: DATETIME, args: zone === undefined ? [bytes] : [bytes, zone] };
}

/** Six bytes, which end with the microseconds; what is less than one is left out. */
function packed({ hour, minute, second, millisecond, microsecond }: Time): number[] {
  const fraction = 1000 * millisecond + microsecond;
  return [hour, minute, second, fraction >> 16, fraction >> 8 & 0xff, fraction & 0xff];
}

function ofYear(value: object, year: number): Refusal | undefined {
  return year < 1 || year > 9999 ? new Refusal(value, "Python's dates are of the years 1 to 9999") : undefined;
}

function ofDuration(span: Span): Reduction {
  if (span.years !== 0 || span.months !== 0) {
    return new Refusal(span, "how long its years and months are, depends on when they begin");
  }
  const days = BigInt(span.weeks) * 7n + BigInt(span.days);
  const seconds = BigInt(span.hours) * 3600n + BigInt(span.minutes) * 60n + BigInt(span.seconds);
  const rest = BigInt(span.milliseconds) * 1000n + BigInt(span.microseconds) + BigInt(span.nanoseconds) / 1000n;
  const all = days * DAY + seconds * SECOND + rest;
  if (all < -MOST_DAYS * DAY || all >= (MOST_DAYS + 1n) * DAY) {
    return new Refusal(span, "Python's timedelta has at most 999999999 days");
  }
  return { name: TIMEDELTA, args: parts(all) };
}

/** Days, seconds and microseconds of a number of microseconds; only the days may be negative. */
function parts(all: bigint): number[] {
  const inDay = (all % DAY + DAY) % DAY;
  return [(all - inDay) / DAY, inDay / SECOND, inDay % SECOND].map(Number);
}
