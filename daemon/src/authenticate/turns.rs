//! Whose turn it is: remote hosts one after the other, and on each host one name after the other.
//!
//! So a host from which a thousand names are tried waits as one host does, known names or not, and
//! whoever logs in from elsewhere gets every second turn.

use std::collections::VecDeque;

use super::hash::HashError;

/// All that may wait.
const MAX_WAITING: usize = 1024;
/// Those of one host, so that it leaves room for others.
const MAX_OF_HOST: usize = 512;
/// Those of one name on one host.
const MAX_IN_LINE: usize = 256;

/// Whose turn something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester<'a> {
    /// Where they come from.
    pub host: &'a str,
    /// Who they say they are.
    pub name: &'a str,
}

impl Requester<'_> {
    /// The service itself, for work that no login waits for.
    pub const SERVICE: Requester<'static> = Requester { host: "", name: "" };
}

/// Things that wait, each in the line of its name and host.
pub(super) struct Turns<T> {
    hosts: VecDeque<Host<T>>,
    waiting: usize,
}

struct Host<T> {
    name: String,
    lines: VecDeque<(String, VecDeque<T>)>,
    waiting: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { hosts: VecDeque::new(), waiting: 0 }
    }
}

impl<T> Turns<T> {
    /// Puts a thing at the end of its line.
    pub fn push(&mut self, requester: Requester<'_>, thing: T) -> Result<(), HashError> {
        let Requester { host, name } = requester;
        if self.waiting >= MAX_WAITING {
            return Err(HashError::Busy);
        }
        match self.hosts.iter_mut().find(|waiting| waiting.name == host) {
            Some(host) => host.push(name, thing)?,
            None => {
                let lines = VecDeque::from([(name.to_owned(), VecDeque::from([thing]))]);
                self.hosts.push_back(Host { name: host.to_owned(), lines, waiting: 1 });
            }
        }
        self.waiting += 1;
        Ok(())
    }

    /// The thing whose turn it is.
    pub fn first(&self) -> Option<&T> {
        self.hosts.front()?.lines.front()?.1.front()
    }

    /// Takes it; its host and its line go to the end.
    pub fn take(&mut self) -> Option<T> {
        let mut host = self.hosts.pop_front()?;
        let (name, mut line) = host.lines.pop_front()?;
        let thing = line.pop_front()?;
        if !line.is_empty() {
            host.lines.push_back((name, line));
        }
        host.waiting -= 1;
        if !host.lines.is_empty() {
            self.hosts.push_back(host);
        }
        self.waiting -= 1;
        Some(thing)
    }
}

impl<T> Host<T> {
    fn push(&mut self, name: &str, thing: T) -> Result<(), HashError> {
        if self.waiting >= MAX_OF_HOST {
            return Err(HashError::Busy);
        }
        match self.lines.iter_mut().find(|(line, _)| line == name) {
            Some((_, line)) if line.len() >= MAX_IN_LINE => return Err(HashError::Busy),
            Some((_, line)) => line.push_back(thing),
            None => self.lines.push_back((name.to_owned(), VecDeque::from([thing]))),
        }
        self.waiting += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn push(turns: &mut Turns<String>, host: &str, name: &str) -> Result<(), HashError> {
        turns.push(Requester { host, name }, format!("{name}@{host}"))
    }

    #[test]
    fn hosts_take_turns_and_on_each_the_names_do() {
        let mut turns = Turns::default();
        for (host, name) in [
            ("flood", "a"),
            ("flood", "a"),
            ("flood", "b"),
            ("flood", "c"),
            ("home", "alice"),
            ("home", "alice"),
        ] {
            push(&mut turns, host, name).unwrap();
        }
        assert_eq!(turns.first().unwrap(), "a@flood");
        let order: Vec<String> = std::iter::from_fn(|| turns.take()).collect();
        let expected = ["a@flood", "alice@home", "b@flood", "alice@home", "c@flood", "a@flood"];
        assert_eq!(order, expected);
        assert_eq!(turns.waiting, 0);
    }

    #[test]
    fn a_full_line_and_a_full_host_leave_room_for_others() {
        let mut turns = Turns::default();
        for _ in 0..MAX_IN_LINE {
            push(&mut turns, "flood", "a").unwrap();
        }
        assert!(matches!(push(&mut turns, "flood", "a"), Err(HashError::Busy)));
        let mut names = 0..;
        while push(&mut turns, "flood", &format!("{:?}", names.next())).is_ok() {}
        assert_eq!(turns.waiting, MAX_OF_HOST);
        push(&mut turns, "home", "alice").unwrap();
        while push(&mut turns, &format!("{:?}", names.next()), "x").is_ok() {}
        assert_eq!(turns.waiting, MAX_WAITING);
    }
}
