//! A public SSH key, as one line of authorized_keys without options.

use base64ct::{Base64, Base64Unpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::field_error::{Code, Refused};

/// Key types that sshd takes today (sshd_config(5), PubkeyAcceptedAlgorithms), with the number of
/// length-prefixed fields that follow the type's name in the blob.
const TYPES: &[(&str, usize)] = &[
    ("ssh-ed25519", 1),
    ("ssh-rsa", 2),
    ("ecdsa-sha2-nistp256", 2),
    ("ecdsa-sha2-nistp384", 2),
    ("ecdsa-sha2-nistp521", 2),
    ("sk-ssh-ed25519@openssh.com", 2),
    ("sk-ecdsa-sha2-nistp256@openssh.com", 3),
];

/// A checked public key: its type, its base64 blob, and a comment that cannot leave its line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SshPublicKey {
    kind: String,
    blob: String,
    comment: String,
}

impl SshPublicKey {
    /// Parses `TYPE BASE64 [COMMENT]`.
    ///
    /// # Errors
    /// Refuses private keys, option prefixes, line breaks, unknown types, and blobs whose content
    /// is not a key of that type.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let line = text.trim_end_matches(['\n', '\r', ' ']);
        if line.contains("PRIVATE KEY") || line.contains("PuTTY-User-Key-File") {
            return Err(Refused::invalid(
                "is a private key: keep it secret and give the .pub file's line instead",
            ));
        }
        if line.len() > 16 * 1024 {
            return Err(Refused::new(Code::TooLong, "is longer than 16 KiB"));
        }
        if line.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}') {
            return Err(Refused::invalid("holds a line break or control character: give one key"));
        }
        let mut parts = line.splitn(3, ' ');
        let (kind, blob) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let comment = parts.next().unwrap_or("").trim();
        let Some((_, fields)) = TYPES.iter().find(|(name, _)| *name == kind) else {
            return Err(Refused::invalid(format!(
                "does not start with a key type ({}); options such as command= are not taken",
                TYPES.map_names()
            )));
        };
        let bytes = Base64::decode_vec(blob)
            .map_err(|_| Refused::invalid("the part after the type is not base64"))?;
        check_blob(&bytes, kind, *fields)?;
        if comment.len() > 255 {
            return Err(Refused::new(Code::TooLong, "the comment is longer than 255 bytes"));
        }
        crate::DisplayText::parse(&comment.replace(':', "_"))
            .map_err(|refused| Refused::invalid(format!("the comment {}", refused.message)))?;
        Ok(Self { kind: kind.to_owned(), blob: blob.to_owned(), comment: comment.to_owned() })
    }

    /// The key's type, such as `ssh-ed25519`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The comment; may be empty.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// The line for authorized_keys.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = format!("{} {}", self.kind, self.blob);
        if !self.comment.is_empty() {
            line.push(' ');
            line.push_str(&self.comment);
        }
        line
    }

    /// The fingerprint as `ssh-keygen -l` prints it: `SHA256:` and unpadded base64.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let bytes = Base64::decode_vec(&self.blob).unwrap_or_default();
        format!("SHA256:{}", Base64Unpadded::encode_string(&Sha256::digest(bytes)))
    }
}

trait Names {
    fn map_names(&self) -> String;
}

impl Names for &[(&str, usize)] {
    fn map_names(&self) -> String {
        self.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// Reads one length-prefixed field (RFC 4251, section 5, "string").
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn check_blob(bytes: &[u8], kind: &str, fields: usize) -> Result<(), Refused> {
    let refuse = || Refused::invalid(format!("the key is damaged: it holds no {kind} key"));
    let (name, mut rest) = field(bytes).ok_or_else(refuse)?;
    if name != kind.as_bytes() {
        return Err(refuse());
    }
    let mut last: &[u8] = &[];
    let mut first: Option<&[u8]> = None;
    for _ in 0..fields {
        (last, rest) = field(rest).ok_or_else(refuse)?;
        first.get_or_insert(last);
    }
    if !rest.is_empty() {
        return Err(refuse());
    }
    if kind.ends_with("ed25519") && last.len() != 32
        || kind.starts_with("sk-ssh-ed25519") && first.map(<[u8]>::len) != Some(32)
    {
        return Err(refuse());
    }
    if kind == "ssh-rsa" && last.len() < 256 {
        return Err(Refused::invalid("an RSA key needs 2048 bits at least"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    #[test]
    fn a_public_key_is_taken_with_its_comment() {
        let key = SshPublicKey::parse(&format!("{KEY} alice@laptop\n")).unwrap();
        assert_eq!(key.comment(), "alice@laptop");
        assert_eq!(key.line(), format!("{KEY} alice@laptop"));
        assert!(key.fingerprint().starts_with("SHA256:"));
        assert_eq!(SshPublicKey::parse(KEY).unwrap().line(), KEY);
    }

    #[test]
    fn all_that_is_no_plain_public_key_is_refused() {
        for bad in [
            String::new(),
            "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----".into(),
            format!("command=\"sh\" {KEY}"),
            format!("{KEY}\n{KEY}"),
            format!("{KEY} a\u{1b}[31m"),
            KEY.replace("ssh-ed25519", "ssh-rsa"),
            KEY[..KEY.len() - 8].to_owned(),
            format!("{KEY}AAAA"),
            "ssh-ed25519 !!!!".into(),
            "ssh-dss AAAA".into(),
            format!("cert-authority {KEY}"),
            format!("{KEY} {}", "x".repeat(300)),
        ] {
            assert!(SshPublicKey::parse(&bad).is_err(), "{bad:?}");
        }
    }
}
