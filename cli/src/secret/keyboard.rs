//! One line typed at the terminal without echo.
//!
//! Echo is off before the question appears, so that nothing typed after it, however fast, is ever
//! shown; and the keys that would end the process arrive as characters, so that no way out leaves
//! the terminal without echo.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use super::LIMIT;

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: [u8; 2] = [0x08, 0x7f];
const ERASE_LINE: u8 = 0x15;
const ESCAPE: u8 = 0x1b;

/// Asks, and gives what was typed; `None` when the answer was broken off.
///
/// # Errors
/// When there is no terminal.
pub fn ask(question: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let silence = Silence::over(&terminal)?;
    terminal.write_all(question.as_bytes())?;
    let typed = read_line(&mut terminal);
    drop(silence);
    terminal.write_all(b"\n")?;
    typed
}

/// A terminal that shows nothing, until dropped.
struct Silence {
    terminal: File,
    before: Termios,
}

impl Silence {
    fn over(terminal: &File) -> io::Result<Self> {
        let terminal = terminal.try_clone()?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes &=
            !(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Now, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Reads up to the end of the line, with the editing that people expect.
fn read_line(keys: &mut impl io::Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // Never grows, so that no copy stays behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    let mut key = Zeroizing::new([0]);
    // A buffer would keep what was typed, and take what comes after.
    #[allow(clippy::unbuffered_bytes)]
    let mut bytes = keys.bytes();
    while let Some(byte) = bytes.next() {
        key[0] = byte?;
        match key[0] {
            b'\n' | b'\r' => return Ok(Some(line)),
            INTERRUPT => return Ok(None),
            END if line.is_empty() => return Ok(None),
            byte if BACKSPACE.contains(&byte) => {
                // A character is all its continuation bytes and the one before them.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            ERASE_LINE => line.clear(),
            ESCAPE => skip_sequence(&mut bytes)?,
            // A NUL cannot be part of a password, and must not pass unseen as if it were none.
            byte if (byte >= b' ' || byte == 0) && line.len() <= LIMIT => line.push(byte),
            _ => {}
        }
    }
    Ok(None)
}

/// Drops what an arrow or function key sends after its escape (ECMA-48, control sequences).
fn skip_sequence(bytes: &mut impl Iterator<Item = io::Result<u8>>) -> io::Result<()> {
    if !matches!(bytes.next().transpose()?, Some(b'[' | b'O')) {
        return Ok(());
    }
    while let Some(byte) = bytes.next().transpose()? {
        if (0x40..=0x7e).contains(&byte) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn typed(mut keys: &[u8]) -> Option<Vec<u8>> {
        read_line(&mut keys).unwrap().map(|line| line.to_vec())
    }

    #[test]
    fn a_line_is_edited_as_people_expect() {
        assert_eq!(typed(b"abc\n"), Some(b"abc".to_vec()));
        assert_eq!(typed(b"abd\x7fc\r"), Some(b"abc".to_vec()));
        assert_eq!(typed("aü\x7fb\n".as_bytes()), Some(b"ab".to_vec()));
        assert_eq!(typed(b"\x7f\x7fab\n"), Some(b"ab".to_vec()));
        assert_eq!(typed(b"wrong\x15right\n"), Some(b"right".to_vec()));
        assert_eq!(typed(b"a\x1b[1;5Db\x1bOPc\x01\n"), Some(b"abc".to_vec()));
        assert_eq!(typed(b"\n"), Some(Vec::new()));
        assert_eq!(typed(b"a\x00b\n"), Some(b"a\0b".to_vec()));
    }

    #[test]
    fn an_answer_can_be_broken_off() {
        assert_eq!(typed(b"abc\x03"), None);
        assert_eq!(typed(b"\x04"), None);
        assert_eq!(typed(b"abc"), None);
        assert_eq!(typed(b"a\x04b\n"), Some(b"ab".to_vec()));
    }

    #[test]
    fn an_endless_line_does_not_grow() {
        let mut keys = vec![b'x'; 3 * LIMIT];
        keys.push(b'\n');
        let line = read_line(&mut keys.as_slice()).unwrap().unwrap();
        assert_eq!((line.len(), line.capacity()), (LIMIT + 1, LIMIT + 1));
    }
}
