//! The beginning of a session: a home directory if there is none, and who was here last.

use accounts::Timestamp;
use auth_protocol::{Code, Step, Style};

use super::super::Error;
use super::{Account, Login, verdict, with_message};
use crate::store::LoginRow;

/// Services whose sessions are nobody's login: jobs, and changes of user inside a session.
const NO_LOGINS: [&str; 9] =
    ["cron", "crond", "atd", "systemd-user", "sudo", "sudo-i", "runuser", "runuser-l", "polkit-1"];

/// Services that show texts to a person and to nobody else; `su` writes them into the output of
/// the command that it runs.
const SHOWN_IN: [&str; 3] = ["login", "remote", "sshd"];

impl Login {
    pub(super) fn open_session(&self) -> Result<Step, Error> {
        let account = self.account()?;
        let Account { user, .. } = &account;
        let mut step = verdict(Code::Success);
        if let Err(error) = self.service.ensure_home(user.id) {
            tracing::error!(user = %self.request.user, %error, "no home directory at login");
            step = with_message(
                step,
                Style::Error,
                "Roster: your home directory could not be made. Call an administrator.",
            );
        }
        if NO_LOGINS.contains(&self.request.service.as_str()) {
            return Ok(step);
        }
        let now = self.service.now();
        let before = self.service.note(|db| {
            let before = db.login(user.id)?;
            let login = LoginRow {
                first_at: before.first_at.or(Some(now)),
                last_at: Some(now),
                last_service: self.request.service.clone(),
                last_remote: self.request.remote.clone(),
                failures_since: 0,
            };
            db.set_login(user.id, &login)?;
            Ok(before)
        })?;
        if self.request.silent || !SHOWN_IN.contains(&self.request.service.as_str()) {
            return Ok(step);
        }
        for text in self.news(&before).into_iter().chain(self.enrolment_notice(&account)?) {
            step = with_message(step, Style::Info, text);
        }
        Ok(step)
    }

    /// What the user is told. sshd tells of the last login itself.
    fn news(&self, before: &LoginRow) -> Vec<String> {
        let mut news = Vec::new();
        if let (Some(at), false) = (before.last_at, self.request.service == "sshd") {
            let at = Timestamp(at);
            news.push(format!("Last login: {at} from {}", before.last_remote));
        }
        match before.failures_since {
            0 => {}
            1 => news.push("There was 1 failed attempt to log in since then.".to_owned()),
            n => news.push(format!("There were {n} failed attempts to log in since then.")),
        }
        news
    }
}
