//! Times as the provider writes them, to microseconds of Unix time. It does not know what time it is.

const MICROS: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// 2000-01-01 and 2100-01-01. What lies outside is no time of a message: an empty date of some library, milliseconds
/// taken for seconds, or nonsense.
const SANE: std::ops::Range<i64> = 946_684_800 * MICROS..4_102_444_800 * MICROS;

/// ISO 8601 (`T` or a space, up to nine fractional digits, `Z`, an offset, or neither for UTC) or Unix seconds.
#[must_use]
pub(crate) fn read_moment(text: &str) -> Option<i64> {
    let text = text.trim();
    let micros = if text.as_bytes().get(4) == Some(&b'-') { read_iso(text) } else { read_seconds(text) }?;
    SANE.contains(&micros).then_some(micros)
}

fn read_seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if whole.len() > 12 {
        return None;
    }
    number(whole)?.checked_mul(MICROS)?.checked_add(read_fraction(fraction)?)
}

fn read_iso(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let (fraction, zone) = split_fraction(rest)?;
    let days = read_date(date)?;
    let [hours, minutes, seconds] = split_numbers(clock, ':', [2, 2, 2])?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let seconds = days * SECONDS_PER_DAY + hours * 3600 + minutes * 60 + seconds - read_zone(zone)?;
    Some(seconds * MICROS + fraction)
}

/// Microseconds, and what stands behind the fractional digits.
fn split_fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(behind) = rest.strip_prefix('.') else { return Some((0, rest)) };
    let end = behind.find(|character: char| !character.is_ascii_digit()).unwrap_or(behind.len());
    Some((read_fraction(&behind[..end])?, &behind[end..]))
}

/// One to nine digits, cut to microseconds.
fn read_fraction(digits: &str) -> Option<i64> {
    if digits.len() > 9 {
        return None;
    }
    let padded = number(digits)? * 10_i64.pow(9 - u32::try_from(digits.len()).ok()?);
    Some(padded / 1000)
}

/// Seconds east of Greenwich.
fn read_zone(zone: &str) -> Option<i64> {
    let (sign, offset) = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') if zone.len() <= 1 => return Some(0),
        Some(b'+') => (1, &zone[1..]),
        Some(b'-') => (-1, &zone[1..]),
        _ => return None,
    };
    let [hours, minutes] = match offset.len() {
        5 => split_numbers(offset, ':', [2, 2])?,
        4 => [number(offset.get(..2)?)?, number(offset.get(2..)?)?],
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

fn split_numbers<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (slot, length) in numbers.iter_mut().zip(lengths) {
        *slot = number(parts.next().filter(|part| part.len() == length)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn number(digits: &str) -> Option<i64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn read_date(text: &str) -> Option<i64> {
    let [year, month, day] = split_numbers(text, '-', [4, 2, 2])?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1..=*lengths.get(months)?).contains(&day) {
        return None;
    }
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400;
    let days_in_year = lengths[..months].iter().sum::<i64>() + day - 1;
    // 719,162 days lie between the calendar's first day, 0001-01-01, and 1970-01-01.
    Some(before * 365 + leap_days + days_in_year - 719_162)
}
