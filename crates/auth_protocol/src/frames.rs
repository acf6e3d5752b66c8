//! Cuts a byte stream into messages: each one ends with a NUL byte.

use zeroize::Zeroizing;

use crate::Error;

/// The longest message, its NUL byte not counted, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// Bytes received and not yet taken. Wiped when dropped, and when it grows.
#[derive(Default)]
pub struct Frames {
    received: Zeroizing<Vec<u8>>,
}

impl Frames {
    /// Nothing received yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what was read from the stream.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] when an unfinished message has grown past [`MAX_MESSAGE`]; the stream
    /// cannot be used any more.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let unfinished = match bytes.iter().rposition(|&byte| byte == 0) {
            Some(last_end) => bytes.len() - last_end - 1,
            None => self.received.len() + bytes.len(),
        };
        if unfinished > MAX_MESSAGE || self.received.len() + bytes.len() > 2 * MAX_MESSAGE {
            return Err(Error::TooLong);
        }
        self.reserve(bytes.len());
        self.received.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes the next whole message, without its NUL byte.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] when it is longer than [`MAX_MESSAGE`].
    pub fn take(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Some(end) = self.received.iter().position(|&byte| byte == 0) else {
            return Ok(None);
        };
        if end > MAX_MESSAGE {
            return Err(Error::TooLong);
        }
        let message = Zeroizing::new(self.received[..end].to_vec());
        let rest = Zeroizing::new(self.received[end + 1..].to_vec());
        self.received = rest;
        Ok(Some(message))
    }

    /// Whether part of a message, or a message nobody has taken, is left over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// Makes room. `Vec` would leave its old bytes behind when it moves; the old buffer is dropped
    /// by hand here, which wipes it.
    fn reserve(&mut self, more: usize) {
        let needed = self.received.len() + more;
        if needed > self.received.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            larger.extend_from_slice(&self.received);
            self.received = larger;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_the_stream_is_cut(
            messages in prop::collection::vec(prop::collection::vec(1u8.., 0..200), 0..8),
            cut in 1usize..64,
        ) {
            let mut stream = Vec::new();
            for message in &messages {
                stream.extend_from_slice(message);
                stream.push(0);
            }
            let mut frames = Frames::new();
            let mut seen = Vec::new();
            for piece in stream.chunks(cut) {
                frames.push(piece).unwrap();
                while let Some(message) = frames.take().unwrap() {
                    seen.push(message.to_vec());
                }
            }
            prop_assert_eq!(seen, messages);
            prop_assert!(frames.is_empty());
        }
    }

    #[test]
    fn a_message_of_the_greatest_length_passes_and_one_byte_more_does_not() {
        let mut frames = Frames::new();
        frames.push(&vec![b'x'; MAX_MESSAGE]).unwrap();
        frames.push(&[0]).unwrap();
        assert_eq!(frames.take().unwrap().unwrap().len(), MAX_MESSAGE);

        let mut frames = Frames::new();
        frames.push(&vec![b'x'; MAX_MESSAGE]).unwrap();
        assert!(matches!(frames.push(b"x"), Err(Error::TooLong)));
        assert!(matches!(Frames::new().push(&vec![b'x'; MAX_MESSAGE + 1]), Err(Error::TooLong)));
        let mut frames = Frames::new();
        let mut whole = vec![b'x'; MAX_MESSAGE + 1];
        whole.push(0);
        frames.push(&whole).unwrap();
        assert!(matches!(frames.take(), Err(Error::TooLong)));
    }

    #[test]
    fn messages_that_nobody_takes_do_not_pile_up() {
        let mut frames = Frames::new();
        let refused = (0..2 * MAX_MESSAGE).find(|_| frames.push(b"{}\0").is_err());
        assert!(refused.is_some());
    }
}
