//! `roster key verify`: whether a private key's public half is one of an account's keys. The private
//! key stays in this process, and is wiped when it has been read.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

use base64ct::{Base64, Encoding as _};
use bus::Dictionary;
use clap::Args;
use serde_json::{Value, json};
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::output::{Answer, printable};
use crate::session::{Session, to_record};
use crate::user::Subject;

/// Longer than any private key.
const LIMIT: u64 = 64 * 1024;
const FIELD: &str = "private_key";

/// The account and the private key.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    user: Subject,
    /// The private key's file, as in ~/.ssh/id_ed25519; - is standard input
    #[arg(long, value_name = "PATH")]
    private_key: String,
}

impl Verify {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let key = public_half(&read(&self.private_key)?)?;
        let line = key.to_openssh().map_err(|_| refuse("cannot be written as a public key"))?;
        let name = self.user.subject;
        let stored: Vec<Dictionary> = session.call("ListKeys", &(name.as_str(),)).await?;
        let mut found = None;
        for entry in &stored {
            let entry = to_record(entry)?;
            let stored = entry.get("key").and_then(Value::as_str).unwrap_or_default();
            if is_same(stored, &line) {
                found = entry.get("id").and_then(Value::as_i64);
            }
        }
        let (kind, bits) = (key.algorithm().to_string(), bits(&key));
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let sized = bits.map(|bits| format!(", {bits} bits")).unwrap_or_default();
        let said = match found {
            Some(id) => format!("Stored public key matches the private key: key {id} of {name}"),
            None => format!("No stored public key of {name} matches the private key"),
        };
        let said = format!("{said} ({kind}{sized}, {fingerprint}).");
        let value = json!({"matches": found.is_some(), "id": found, "type": kind, "bits": bits,
            "fingerprint": fingerprint});
        let answer = Answer::lines(value, &[&said]);
        Ok(if found.is_some() { answer } else { answer.negative() })
    }
}

fn refuse(message: &str) -> Error {
    Error::field(FIELD, "invalid", message)
}

fn read(path: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = |error| Error::Local(format!("{path} cannot be read: {error}"));
    let file = File::open(if path == "-" { "/dev/stdin" } else { path }).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_file() && about.mode() & 0o077 != 0 {
        eprintln!(
            "roster: warning: other users can read {0}, ssh will refuse it: chmod 600 {0}",
            printable(path)
        );
    }
    // With its final size from the start: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT as usize + 1));
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Error::field(FIELD, "too_long", "is longer than any private key"));
    }
    Ok(bytes)
}

/// The public key of a private one. In OpenSSH's own format it stands in front of the encrypted
/// part, so no passphrase is needed.
fn public_half(bytes: &[u8]) -> Result<PublicKey, Error> {
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    if holds("PuTTY-User-Key-File") {
        return Err(refuse("is PuTTY's format: convert it with puttygen -O private-openssh-new"));
    }
    if !holds("PRIVATE KEY-----") {
        return Err(refuse("is no private key: give the file without .pub"));
    }
    if !holds("BEGIN OPENSSH PRIVATE KEY") {
        return Err(refuse(
            "is not in OpenSSH's format: convert a copy of it with ssh-keygen -p -f FILE",
        ));
    }
    if let Ok(key) = PrivateKey::from_openssh(bytes) {
        return Ok(key.public_key().clone());
    }
    in_front(bytes).ok_or_else(|| refuse("is damaged, or a key of a kind that is not known here"))
}

/// The public key in front of the private part (OpenSSH's PROTOCOL.key), whatever that part is like:
/// the library refuses an ECDSA key whose number begins with a zero byte.
fn in_front(bytes: &[u8]) -> Option<PublicKey> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, body) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?;
    let (body, _) = body.split_once("-----END")?;
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    base64.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut decoded = Zeroizing::new(vec![0; base64.len()]);
    let decoded = Base64::decode(base64.as_slice(), &mut decoded).ok()?;
    let rest = decoded.strip_prefix(b"openssh-key-v1\0".as_slice())?;
    // The cipher, how its key is derived, and with what.
    let rest = string(string(string(rest)?.1)?.1)?.1;
    let (public, _) = string(rest.strip_prefix(&1_u32.to_be_bytes())?)?;
    PublicKey::from_bytes(public).ok()
}

/// A string of SSH's wire format (RFC 4251, 5), and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// Whether two lines of authorized_keys are of one key, whatever their comments.
fn is_same(one: &str, other: &str) -> bool {
    let mut one = one.split(' ').take(2);
    let mut other = other.split(' ').take(2);
    one.by_ref().eq(other.by_ref())
}

fn bits(key: &PublicKey) -> Option<usize> {
    match key.key_data() {
        KeyData::Rsa(rsa) => {
            let modulus = rsa.n.as_positive_bytes()?;
            Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
        }
        KeyData::Ed25519(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => Some(256),
        KeyData::Ecdsa(ecdsa) => match ecdsa.curve().as_str() {
            "nistp256" => Some(256),
            "nistp384" => Some(384),
            "nistp521" => Some(521),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::process::Command;

    /// What ssh-keygen(1) makes: the private file and the public line; `None` without ssh-keygen.
    fn generated(kind: &str, size: &str, passphrase: &str) -> Option<(Vec<u8>, String)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-b", size, "-N", passphrase, "-C", "a comment", "-f"])
            .arg(&path)
            .output()
            .ok()?;
        assert!(made.status.success(), "{made:?}");
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        Some((std::fs::read(&path).unwrap(), public))
    }

    #[test]
    fn the_public_half_of_every_kind_is_found_with_and_without_a_passphrase() {
        for (kind, size) in [
            ("ed25519", "256"),
            ("rsa", "2048"),
            ("ecdsa", "256"),
            ("ecdsa", "384"),
            ("ecdsa", "521"),
        ] {
            for passphrase in ["", "seven violet herons"] {
                let Some((private, public)) = generated(kind, size, passphrase) else { return };
                let key = public_half(&private).unwrap();
                assert_eq!(
                    in_front(&private).as_ref().map(PublicKey::key_data),
                    Some(key.key_data())
                );
                let line = key.to_openssh().unwrap();
                assert!(is_same(&line, public.trim()), "{line} {public}");
                assert_eq!(
                    bits(&key).map(|bits| bits.to_string()).as_deref(),
                    Some(size),
                    "{kind}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_private_key_is_refused_with_what_to_do() {
        for (text, told) in [
            ("ssh-ed25519 AAAA alice", "without .pub"),
            ("PuTTY-User-Key-File-3: ssh-ed25519", "puttygen"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMII\n", "ssh-keygen -p"),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
                "damaged",
            ),
            ("", "no private key"),
        ] {
            let error = public_half(text.as_bytes()).unwrap_err();
            assert_eq!(error.fields()[0].field, FIELD);
            assert!(error.to_string().contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn keys_are_compared_without_their_comments() {
        assert!(is_same("ssh-ed25519 AAAA alice", "ssh-ed25519 AAAA"));
        assert!(!is_same("ssh-ed25519 AAAA alice", "ssh-ed25519 AAAB alice"));
        assert!(!is_same("ssh-ed25519", "ssh-ed25519 AAAA"));
    }
}
