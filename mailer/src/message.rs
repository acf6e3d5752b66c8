//! A mail as it travels (RFC 5322).

use mail_protocol::Mail;
use zeroize::Zeroizing;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The whole mail, its lines ended by CRLF. `now` is in seconds since 1970, `id` random.
///
/// Each header is made of parsed parts that hold no end of a line, and everything is ASCII, so that
/// nothing has to be encoded.
pub fn compose(mail: &Mail, now: u64, id: &[u8; 16]) -> Zeroizing<String> {
    let domain = mail.from.as_str().rsplit('@').next().unwrap_or("localhost");
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = [
        ("Date", date(now)),
        ("From", mail.from.as_str().to_owned()),
        ("To", mail.to.as_str().to_owned()),
        ("Message-ID", format!("<{id}@{domain}>")),
        ("Subject", mail.subject.as_str().to_owned()),
        // Nobody's absence note is to answer (RFC 3834).
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", "text/plain; charset=us-ascii".to_owned()),
        ("Content-Transfer-Encoding", "7bit".to_owned()),
    ];
    let lines = mail.body.as_str().lines().count();
    // Allocated once, so that no copy of the body stays behind.
    let mut text = Zeroizing::new(String::with_capacity(2048 + mail.body.as_str().len() + lines));
    for (name, value) in headers {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(&value);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    for line in mail.body.as_str().lines() {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

/// The moment as RFC 5322 writes it, in UTC.
fn date(now: u64) -> String {
    let (days, second) = (now / 86_400, now % 86_400);
    let (mut year, mut day) = (1970, days);
    let length = |year: u64| {
        365 + u64::from(
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)),
        )
    };
    while day >= length(year) {
        day -= length(year);
        year += 1;
    }
    let february = length(year) - 337;
    let mut month = 0;
    for in_month in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < in_month {
            break;
        }
        day -= in_month;
        month += 1;
    }
    let weekday = DAYS[(days % 7) as usize];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let month = MONTHS[month];
    format!("{weekday}, {:02} {month} {year} {hour:02}:{minute:02}:{second:02} +0000", day + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mail_protocol::{Address, Body, Subject};

    use super::*;

    #[test]
    fn dates_are_of_the_calendar() {
        for (at, said) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 +0000"),
            (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 +0000"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
        ] {
            assert_eq!(date(at), said);
        }
    }

    #[test]
    fn a_mail_has_its_headers_and_its_body() {
        let mail = Mail {
            from: Address::parse("roster@example.org").unwrap(),
            to: Address::parse("layla@example.net").unwrap(),
            subject: Subject::parse("Your account").unwrap(),
            body: Body::new(Zeroizing::new("Dear layla,\n\nBcc: bob@example.net\n.\n".to_owned()))
                .unwrap(),
        };
        let text = compose(&mail, 0, &[0xab; 16]);
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "Dear layla,\r\n\r\nBcc: bob@example.net\r\n.\r\n");
        let names: Vec<_> = headers.lines().map(|line| line.split_once(": ").unwrap().0).collect();
        assert_eq!(
            names,
            [
                "Date",
                "From",
                "To",
                "Message-ID",
                "Subject",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type",
                "Content-Transfer-Encoding"
            ]
        );
        assert!(headers.contains("Message-ID: <abababababababababababababababab@example.org>\r\n"));
        assert!(text.replace("\r\n", "").bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
}
