//! Delivery reports: columns of one length, and lines that say the same again.

use penstock_core::Error;
use penstock_core::report::read_reports;

use super::choices::Choices;

const TYPES: [&str; 8] = [
    "",
    "application/json",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "text/plain; charset=utf-8",
    "Application/Problem+JSON",
    "multipart/form-data",
    "application/octet-stream",
];
const YEAR_2000_US: i64 = 946_684_800_000_000;
const YEAR_2100_US: i64 = 4_102_444_800_000_000;

pub fn check(data: &[u8]) {
    let mut choices = Choices(data);
    let content_type = choices.one_of(&TYPES);
    let reports = match read_reports(choices.0, content_type) {
        Ok(reports) => reports,
        Err(Error::Format(_)) => return,
        Err(other) => panic!("{other:?}"),
    };
    let rows = reports.ids.len();
    assert!([reports.statuses.len(), reports.times_us.len(), reports.errors.len()] == [rows; 3]);
    assert!(reports.ids.iter().all(|id| !id.trim().is_empty() && !id.contains('\0')));
    assert!(reports.statuses.iter().all(|status| status.chars().count() <= 64));
    assert!(reports.errors.iter().flatten().all(|error| error.chars().count() <= 200));
    assert!(reports.times_us.iter().flatten().all(|time| (YEAR_2000_US..YEAR_2100_US).contains(time)));
    let lines = reports.lines.split_inclusive(|&byte| byte == b'\n').count();
    assert_eq!(lines, rows + reports.unreadable);
    assert!(reports.lines.is_empty() || reports.lines.ends_with(b"\n"));
    assert_eq!(read_reports(&reports.lines, "application/x-ndjson"), Ok(reports));
}
