//! Values in the forms that frames ask for.

use std::fmt::Write as _;

/// A date as `ID3v2.4` has it (ISO 8601 down to what is known: `2019-05-03T12:30:00`), however masters write it:
/// `20190503`, `1969/07/20`, `2019.5.3`, a space for the T, a zone behind. `None` if it is no date that begins with
/// its year.
pub(super) fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let (day, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim())),
        None => (text, None),
    };
    let year = day.get(..4).filter(|year| is_number(year))?;
    let rest = &day[4..];
    let parts: Vec<&str> = match rest.chars().next() {
        None => Vec::new(),
        Some(separator @ ('-' | '/' | '.')) => rest[1..].split(separator).collect(),
        // All in one.
        Some(_) => vec![rest.get(..2)?, rest.get(2..).filter(|day| day.len() == 2)?],
    };
    let mut date = year.to_owned();
    let ranges = [1..=12, 1..=31];
    if parts.len() > ranges.len() {
        return None;
    }
    for (part, range) in parts.iter().zip(ranges) {
        let number: u32 = part.parse().ok().filter(|_| is_number(part) && part.len() <= 2)?;
        if number == 0 {
            // Not known, as some write it.
            return parts.iter().all(|part| is_number(part)).then_some(date);
        }
        if !range.contains(&number) {
            return None;
        }
        let _ = write!(date, "-{number:02}");
    }
    if let Some(time) = time.filter(|_| parts.len() == 2).and_then(time_of_day) {
        date = format!("{date}T{time}");
    }
    Some(date)
}

/// Hours, minutes and seconds, as far as they are there, without a fraction or a zone.
fn time_of_day(text: &str) -> Option<String> {
    let plain = text.split(['Z', '+', '-', '.', ',']).next().unwrap_or_default();
    let parts: Vec<&str> = plain.split(':').collect();
    let limits = [24, 60, 61];
    let fits = |(part, limit): (&&str, u32)| {
        part.len() == 2 && is_number(part) && part.parse::<u32>().is_ok_and(|number| number < limit)
    };
    let is_time = parts.len() <= 3 && parts.iter().zip(limits).all(fits);
    is_time.then(|| parts.join(":"))
}

/// `1` or `0`.
pub(super) fn flag(text: &str) -> Option<String> {
    let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text.trim()));
    match text {
        _ if is(["1", "true", "yes", "y"]) => Some("1".into()),
        _ if is(["0", "false", "no", "n"]) => Some("0".into()),
        _ => None,
    }
}

/// A whole number: the nearest one.
pub(super) fn whole(text: &str) -> Option<String> {
    let number: f64 = text.trim().replace(',', ".").parse().ok()?;
    (0.0..1e6).contains(&number).then(|| format!("{number:.0}"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_those_of_id3() {
        for (theirs, ours) in [
            ("2019", "2019"),
            ("2019-05", "2019-05"),
            ("2019-05-03", "2019-05-03"),
            ("20190503", "2019-05-03"),
            ("1969/07/20", "1969-07-20"),
            ("1969.7.2", "1969-07-02"),
            (" 2019-5-3 ", "2019-05-03"),
            ("2019-05-03 12:30:01", "2019-05-03T12:30:01"),
            ("2019-05-03T12:30", "2019-05-03T12:30"),
            ("2019-05-03T12", "2019-05-03T12"),
            ("2019-05-03T12:30:01.5Z", "2019-05-03T12:30:01"),
            ("2019-05-03T12:30:01+02:00", "2019-05-03T12:30:01"),
            ("20190503T123001", "2019-05-03"),
            ("2019-05-03 noon", "2019-05-03"),
            ("2019-00-00", "2019"),
            ("2019-05-00", "2019-05"),
            ("2019 (remaster)", "2019"),
        ] {
            assert_eq!(date(theirs).as_deref(), Some(ours), "{theirs}");
        }
        for no in [
            "",
            "May 2019",
            "03.05.2019",
            "190503",
            "201905",
            "2019-13-01",
            "2019-02-32",
            "2019-1-2-3",
            "2o19",
            "٢٠١٩",
        ] {
            assert_eq!(date(no), None, "{no}");
        }
    }

    #[test]
    fn flags_and_whole_numbers() {
        assert_eq!([flag("True"), flag("yes"), flag(" 0")].map(Option::unwrap), ["1", "1", "0"]);
        assert_eq!(flag("maybe"), None);
        assert_eq!(["128.5", "128,7", "90"].map(|text| whole(text).unwrap()), ["128", "129", "90"]);
        assert_eq!(["fast", "-1", "inf", "NaN"].map(whole), [None, None, None, None]);
    }
}
